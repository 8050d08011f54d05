import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { faultsUnavailable } from '../lab/available.ts';
import { clockEnvironment, clockStep } from '../lab/faults/clock.ts';
import { endpointDeleted } from '../lab/faults/endpoints.ts';
import { carrierLost } from '../lab/faults/interface.ts';
import { multicastOverrun } from '../lab/faults/overrun.ts';
import { exporterRestart, serverRestart } from '../lab/faults/programs.ts';
import { blackhole } from '../lab/faults/shaping.ts';
import { labDirectory } from '../lab/registry.ts';
import { describeLive } from '../lab/vitest.ts';
import { type Scrape, scrapeIn } from '../support/exposition.ts';
import { pathGrowth, sentOnce, together } from '../support/path-bytes.ts';
import { StateWatch } from '../support/states.ts';
import { isTrouble, TruthClient } from '../support/truth/client.ts';
import { RUNS } from '../support/truth/measurements.ts';
import { FAULTY, HEALTHY, seconds } from '../support/truth/paths.ts';
import { saidOf } from '../support/truth/said.ts';

const CASE = { timeout: RUNS * 60_000 };
const PATHS = [HEALTHY, FAULTY] as const;
/** What both links together carry at most, headers included. */
const BOTH_BYTES_PER_SECOND = 22e6 / 8;

const sentBytes = (look: Scrape, path: string) => look.value('mptcp_path_sent_bytes_total', { path });
const changedAt = (look: Scrape, path: string) => look.value('mptcp_path_last_change_timestamp_seconds', { path });

function expectNoTrouble(watch: StateWatch, since: number): void {
  for (const path of PATHS) expect(watch.states(path, since).filter(isTrouble), path).toEqual([]);
}

/** Throughput as exposed is what the links can carry, and no more. */
function expectPlausibleThroughput(look: Scrape): void {
  for (const name of ['mptcp_path_send_throughput', 'mptcp_path_max_send_throughput']) {
    for (const { labels, value } of look.samples(`${name}_bytes_per_second`)) {
      expect(value, `${name} of ${labels.path}`).toBeGreaterThanOrEqual(0);
      expect(value, `${name} of ${labels.path}`).toBeLessThan(1.3 * BOTH_BYTES_PER_SECOND);
    }
  }
}

describeLive(
  'what happens to programs is no fault of the paths',
  () => {
    let client: TruthClient;
    beforeAll(async () => {
      client = await TruthClient.open();
    });
    afterAll(async () => client?.[Symbol.asyncDispose]());

    it(
      'more notifications than the exporter has room for: they are counted, and nothing is wrong or missing',
      CASE,
      async () => {
        const { lab, watch } = client;
        const overruns = (look: Scrape) =>
          look
            .samples('mptcp_exporter_errors_total')
            .filter(({ labels }) => labels.reason === 'overrun')
            .reduce((sum, { value }) => sum + value, 0);
        for (let run = 0; run < RUNS; run++) {
          await vi.waitUntil(async () => (await client.scrape()).value('mptcp_mib_mp_curr_estab') === 0, {
            timeout: 15_000,
            interval: 300,
          });
          const before = await client.scrape();
          const traffic = await client.startTraffic();
          await client.allMove();
          const begunAt = seconds();
          const connections = 300;
          await multicastOverrun(lab, { connections });
          await vi.waitUntil(async () => overruns(await client.scrape()) > overruns(before), {
            timeout: 5000,
            interval: 100,
          });
          const counts = await traffic.finish();
          const growth = async () => together(PATHS.map((path) => pathGrowth(before, after, path)));
          let after = await client.scrape();
          await vi.waitUntil(
            async () => {
              after = await client.scrape();
              const { closed, established } = await growth();
              return closed === established;
            },
            { timeout: 15_000, interval: 300 },
          );
          const grown = await growth();
          const carried = counts.client.connections.reduce((sum, one) => sum + (one.carried ?? one.sent), 0);
          // Of an initial subflow that its connection outlives by chance the kernel zeroes the last notification.
          expect(grown.unaccounted).toBeLessThanOrEqual(connections / 100);
          expect(grown.established).toBeGreaterThan(connections);
          // Each short connection sends its byte once or, on a join as well, twice.
          expect(Math.abs(sentOnce(grown) - carried)).toBeLessThanOrEqual(0.001 * carried + 2 * connections);
          expectNoTrouble(watch, begunAt);
        }
      },
    );

    it(
      'a server that is killed and started again: no path is in trouble, and new connections use both',
      CASE,
      async () => {
        const { lab, watch } = client;
        const port = ['-p', '5300'];
        const listener = lab.server.spawn('mptcpize', ['run', 'iperf3', '-s', '--forceflush', ...port]);
        await listener.waitForLine(/Server listening/);
        const upload = () =>
          lab.client.spawn('mptcpize', ['run', 'iperf3', '-c', lab.server.address(HEALTHY), ...port, '-t', '60']);
        let running = upload();
        try {
          for (let run = 0; run < RUNS; run++) {
            await client.allMove();
            const begunAt = seconds();
            const fault = await serverRestart(lab);
            expect((await running.exited).code).not.toBe(0);
            await sleep(2000);
            await fault.end();
            running = upload();
            const againAt = seconds();
            await client.allMove();
            client.measurements.add({
              fault: 'server-restart',
              end: 'client',
              told: 'no trouble; both paths move data again',
              backAfterSeconds: seconds() - againAt,
            });
            expectNoTrouble(watch, begunAt);
          }
        } finally {
          await running.stop('SIGKILL');
        }
      },
    );

    it('a carrier that is lost while the exporter could not hear of it is told at its next look', CASE, () =>
      client.prove('client', () => {
        let held: Promise<unknown> | undefined;
        let fault: Awaited<ReturnType<typeof carrierLost>> | undefined;
        return {
          fault: 'carrier-lost during a multicast-overrun',
          told: { state: 'down', reason: 'carrier_lost', withinSeconds: 1, backWithinSeconds: 5, alsoBe: 'stalled' },
          before: async () => {
            await client.startTraffic();
            await client.allMove();
          },
          apply: async () => {
            held = multicastOverrun(client.lab, { connections: 0 });
            await sleep(300);
            fault = await carrierLost(client.lab, FAULTY);
            await held;
            return seconds();
          },
          end: async () => {
            await held;
            const at = seconds();
            await fault?.end();
            return at;
          },
        };
      }),
    );
  },
  faultsUnavailable(),
);

describeLive(
  'an exporter that is killed and started again in the middle of a transfer',
  () => {
    const URL = 'http://127.0.0.1:10262';
    let client: TruthClient;
    beforeAll(async () => {
      client = await TruthClient.open({ delayMs: 0 }, () => ({ args: [`--web.listen-address=${URL.slice(7)}`] }));
    });
    afterAll(async () => client?.[Symbol.asyncDispose]());

    const look = () => scrapeIn(client.lab.client, URL);

    /** Kills it and starts it again; gives when that was begun and the first look after it. */
    async function restart(): Promise<{ readonly at: number; readonly first: Scrape }> {
      const fault = await exporterRestart(client.lab);
      await sleep(1000);
      const at = seconds();
      await fault.end();
      return { at, first: await look() };
    }

    /** Everything that the exporters started again have told, the last one's at the end. */
    function history(): StateWatch {
      const directory = labDirectory(client.lab.id);
      const logs = readdirSync(directory).filter((name) => name.startsWith('restarted-'));
      const watch = new StateWatch();
      for (const log of logs) {
        for (const line of readFileSync(join(directory, log), 'utf8').split('\n')) watch.take(line);
      }
      return watch;
    }

    it('is right about the paths within 2 s, begins its counters at 0 and shows no burst', CASE, async () => {
      for (let run = 0; run < RUNS; run++) {
        await client.startTraffic();
        const active = async (path: string) => (await look()).value('mptcp_path_subflows', { path, state: 'active' });
        for (const path of PATHS)
          await vi.waitUntil(async () => (await active(path)) > 0, { timeout: 15_000, interval: 300 });
        await sleep(2000);
        const before = await look();
        const { at, first } = await restart();
        const firstAt = seconds();
        for (const path of PATHS) {
          expect(saidOf(first, path), path).toEqual({ states: ['up'], reasons: [], up: 1 });
          expect(sentBytes(first, path), 'counted anew').toBeLessThan((firstAt - at) * BOTH_BYTES_PER_SECOND);
        }
        expect(first.value('process_start_time_seconds')).toBeGreaterThan(before.value('process_start_time_seconds'));
        client.measurements.add({
          fault: 'exporter-restart',
          end: 'client',
          told: '`up`, counters from 0',
          toldAfterSeconds: firstAt - at,
        });
        await sleep(2000);
        const later = await look();
        expectPlausibleThroughput(later);
        const moved = PATHS.reduce((sum, path) => sum + sentBytes(later, path) - sentBytes(first, path), 0);
        expect(moved).toBeLessThan(1.1 * (seconds() - firstAt) * BOTH_BYTES_PER_SECOND);
        expect(moved).toBeGreaterThan(500_000);

        const fault = await blackhole(client.lab, FAULTY);
        try {
          await vi.waitUntil(async () => saidOf(await look(), FAULTY).up === 0, { timeout: 5000, interval: 200 });
          const again = await restart();
          const told = { states: ['stalled'], reasons: ['no_acknowledgements'], up: 0 };
          expect(saidOf(again.first, FAULTY)).toEqual(told);
          client.measurements.add({
            fault: 'exporter-restart during a blackhole',
            end: 'client',
            told: '`stalled`, `no_acknowledgements`',
            toldAfterSeconds: seconds() - again.at,
          });
          expect(saidOf(again.first, HEALTHY)).toEqual({ states: ['up'], reasons: [], up: 1 });
        } finally {
          await fault.end();
        }
        await vi.waitUntil(async () => saidOf(await look(), FAULTY).states.join() === 'up', {
          timeout: 5000,
          interval: 200,
        });
        await client.stopTraffic();
      }
      const told = history();
      expect(told.history(HEALTHY).filter(({ to }) => isTrouble(to))).toEqual([]);
      const troubles = told.history(FAULTY).filter(({ to }) => isTrouble(to));
      expect(new Set(troubles.map(({ to }) => to))).toEqual(new Set(['stalled']));
    });
  },
  faultsUnavailable(),
);

describeLive(
  'a wall clock that jumps an hour ahead, and back',
  () => {
    let client: TruthClient;
    beforeAll(async () => {
      client = await TruthClient.open({}, (lab) => ({ env: clockEnvironment(lab) }));
    });
    afterAll(async () => client?.[Symbol.asyncDispose]());

    it(
      'changes no state, no time of an earlier change and no figure of speed; later changes have its time',
      CASE,
      async () => {
        const { lab, watch } = client;
        const wall = () => Date.now() / 1000;
        for (let run = 0; run < RUNS; run++) {
          await client.startTraffic();
          await client.allMove();
          const before = await client.scrape();
          const begunAt = seconds();
          const clock = await clockStep(lab);
          let last = before;
          const expectUntouched = async () => {
            await sleep(2500);
            const now = await client.scrape();
            expectPlausibleThroughput(now);
            for (const path of PATHS) {
              expect(changedAt(now, path)).toBe(changedAt(before, path));
              expect(sentBytes(now, path)).toBeGreaterThan(sentBytes(last, path));
              expect(watch.states(path, begunAt)).toEqual(['up']);
            }
            last = now;
          };
          try {
            await expectUntouched();
          } finally {
            await clock.end();
          }
          await expectUntouched();
          const again = await clockStep(lab);
          try {
            const fault = await endpointDeleted(lab, FAULTY);
            await watch.entered(FAULTY, 'missing', fault.appliedAt, 1);
            expect(Math.abs(changedAt(await client.scrape(), FAULTY) - wall() - 3600)).toBeLessThan(5);
            await fault.end();
            await watch.entered(FAULTY, 'up', fault.appliedAt, 5);
          } finally {
            await again.end();
          }
          expect(watch.states(HEALTHY, begunAt)).toEqual(['up']);
          await client.stopTraffic();
        }
      },
    );
  },
  faultsUnavailable(),
);
