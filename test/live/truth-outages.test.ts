import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { applyFault } from '../lab/faults/faults.ts';
import { describeLive } from '../lab/vitest.ts';
import type { Scrape } from '../support/exposition.ts';
import type { Told } from '../support/truth/ends.ts';
import { RUNS, repeatedly } from '../support/truth/measurements.ts';
import { part, TIMEOUT } from '../support/truth/part.ts';
import { FAULTY, HEALTHY, seconds } from '../support/truth/paths.ts';
import { saidOf } from '../support/truth/said.ts';

const BACK = { backWithinSeconds: 5 };

/** With the carrier back, it takes the answer of a check to know that more than the carrier is. */
const CARRIER_LOST: Told = {
  state: 'down',
  reasons: ['carrier_lost'],
  withinSeconds: 0.5,
  alsoBe: ['stalled'],
  ...BACK,
};
const UPLOAD_DEAD: Told = { state: 'stalled', reasons: ['no_acknowledgements'], withinSeconds: 2, ...BACK };
const DOWNLOAD_DEAD: Told = { state: 'stalled', reasons: ['no_data_arriving'], withinSeconds: 3, ...BACK };

/** A server asks nobody: it knows when its own next try is answered, and it backs off. */
const SENDER_DEAD: Told = { ...UPLOAD_DEAD, backWithinSeconds: 15 };

const changes = (look: Scrape, state: string) => look.value('mptcp_path_state_changes_total', { path: FAULTY, state });

describeLive('an outage of one of two paths is told, in time and with its reason, and so is its end', () => {
  part('while uploading', (ends) => {
    it.sequential('a blackhole, on the page and in the histograms too', TIMEOUT, async () => {
      const { client, lab } = ends();
      const recovered = async () =>
        (await ends().scrape()).value('mptcp_path_recovery_duration_seconds_count', { path: FAULTY });
      await ends().prove(
        { fault: 'blackhole', traffic: 'up', client: UPLOAD_DEAD, wellSeconds: 2 },
        {
          during: async () => {
            const look = await ends().scrape();
            expect(saidOf(look, FAULTY)).toEqual({ states: ['stalled'], reasons: ['no_acknowledgements'], up: 0 });
            expect(saidOf(look, HEALTHY)).toEqual({ states: ['up'], reasons: [], up: 1 });
            const stalled = look
              .samples('mptcp_subflow_state')
              .filter(({ labels }) => labels.state === 'stalled')
              .map(({ labels }) => labels.path);
            expect(stalled).toEqual([FAULTY]);
            const changedAt = look.value('mptcp_path_last_change_timestamp_seconds', { path: FAULTY });
            expect(changedAt).toBeGreaterThan(Date.now() / 1000 - 5);
            await sleep(2000);
            const later = await ends().scrape();
            expect(later.value('mptcp_path_last_change_timestamp_seconds', { path: FAULTY })).toBe(changedAt);
            expect(changes(later, 'stalled')).toBe(changes(look, 'stalled'));
            const page = await lab.client.exec('curl', ['-sSf', `${client.exporter.url}/`]);
            expect(page).toContain(`but ${FAULTY} is stalled`);
            expect(page).toMatch(/Stalled since \d\d:\d\d:\d\d: no acknowledgements/);
          },
          // Up stays up when the sender, after its backoff, moves data again.
          after: async () => {
            const look = await ends().scrape();
            const stalls = changes(look, 'stalled');
            expect(look.value('mptcp_path_failover_duration_seconds_count', { path: FAULTY })).toBe(stalls);
            expect(look.value('mptcp_path_failover_duration_seconds_sum', { path: FAULTY })).toBeLessThan(2 * stalls);
            await vi.waitUntil(async () => (await recovered()) === stalls, { timeout: 15_000, interval: 500 });
          },
        },
      );
    });

    it.sequential('a blackhole for what is sent only', TIMEOUT, () =>
      ends().prove({ fault: 'blackhole-up', traffic: 'up', client: UPLOAD_DEAD, wellSeconds: 2 }),
    );

    it.sequential('a blackhole for the acknowledgements only', TIMEOUT, () =>
      ends().prove({ fault: 'blackhole-down', traffic: 'up', client: UPLOAD_DEAD, wellSeconds: 2 }),
    );

    it.sequential('the far end is unplugged behind a switch, which keeps the carrier, while uploading', TIMEOUT, () =>
      ends().prove({ fault: 'far-end-unplugged', traffic: 'up', client: UPLOAD_DEAD, wellSeconds: 2 }),
    );
  });

  part('again and again', (ends) => {
    it.sequential('blackholes some seconds apart, as of a loose plug, are outages and no loss', TIMEOUT, () =>
      repeatedly(async () => {
        const { lab, client } = ends();
        const traffic = await lab.startTraffic({ bytes: 'unlimited', direction: 'up' });
        try {
          await ends().bothMove(2);
          const since = seconds();
          for (let outage = 0; outage < 2; outage++) {
            const fault = await applyFault(lab, 'blackhole', FAULTY);
            await sleep(10_000);
            await fault.end();
            await client.watch.is(FAULTY, 'up', 5);
            await sleep(6000);
          }
          const told = client.watch.states(FAULTY, since);
          // A sender in backoff does not notice an outage that begins and ends between two attempts.
          expect(told.slice(0, 3)).toEqual(['up', 'stalled', 'up']);
          expect(told.filter((state) => state !== 'up' && state !== 'stalled')).toEqual([]);
          expect(client.watch.states(HEALTHY, since)).toEqual(['up']);
        } finally {
          await traffic.abort();
        }
      }),
    );
  });

  part('while downloading', (ends) => {
    it.sequential('a blackhole, by few small checks, which are counted', TIMEOUT, async () => {
      const wire = 'table inet checks { chain leaving { type filter hook output priority 0;';
      const syns = `oifname ${FAULTY} tcp flags & (syn | ack) == syn tcp option mptcp missing counter`;
      const { client } = ends().lab;
      await client.exec('nft', ['-f', '-'], { input: `${wire} ${syns}\n }\n}\n` });
      const seen = async () => {
        const listed = await client.exec('nft', ['list', 'table', 'inet', 'checks']);
        const [, packets, bytes] = /counter packets (\d+) bytes (\d+)/.exec(listed) ?? [];
        return { packets: Number(packets), bytes: Number(bytes) };
      };
      await ends().prove(
        { fault: 'blackhole', traffic: 'down', client: DOWNLOAD_DEAD, server: SENDER_DEAD, lastsSeconds: 4.5 },
        {
          during: async () => {
            expect(saidOf(await ends().scrape(), FAULTY)).toEqual({
              states: ['stalled'],
              reasons: ['no_data_arriving'],
              up: 0,
            });
          },
        },
      );
      const made = await ends().checks(FAULTY);
      const { packets, bytes } = await seen();
      // One when it went silent, one 5 s later, and perhaps one that finds it back; each is a SYN and at most 4 repeats.
      expect(made).toBeGreaterThanOrEqual(2 * RUNS);
      expect(made).toBeLessThanOrEqual(4 * RUNS);
      expect(await ends().checks(FAULTY, 'dead')).toBeGreaterThanOrEqual(RUNS);
      expect(packets).toBeGreaterThanOrEqual(made);
      expect(packets).toBeLessThanOrEqual(5 * made);
      expect(bytes).toBe(60 * packets);
      expect(await ends().checks(HEALTHY)).toBe(0);
    });

    it.sequential('a blackhole for what is sent only', TIMEOUT, () =>
      ends().prove({ fault: 'blackhole-down', traffic: 'down', client: DOWNLOAD_DEAD, server: SENDER_DEAD }),
    );
  });

  part('of the link itself, and one way', (ends) => {
    it.sequential.each(['up', 'down'] as const)('the carrier is lost, %sloading', TIMEOUT, (traffic) =>
      ends().prove(
        { fault: 'carrier-lost', traffic, client: CARRIER_LOST, wellSeconds: 2 },
        {
          during: async () => {
            const said = saidOf(await ends().scrape(), FAULTY);
            expect(said).toEqual({ states: ['down'], reasons: ['carrier_lost'], up: 0 });
          },
        },
      ),
    );

    it.sequential('the far end is unplugged behind a switch, while downloading', TIMEOUT, () =>
      ends().prove({ fault: 'far-end-unplugged', traffic: 'down', client: DOWNLOAD_DEAD }),
    );

    it.sequential('a blackhole for the acknowledgements only, while downloading', TIMEOUT, () =>
      ends().prove({ fault: 'blackhole-up', traffic: 'down', client: DOWNLOAD_DEAD, server: SENDER_DEAD }),
    );
  });
});
