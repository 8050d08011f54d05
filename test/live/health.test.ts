import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AppliedFault } from '../lab/faults/fault.ts';
import { applyFault, type FaultName } from '../lab/faults/faults.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeLive } from '../lab/vitest.ts';
import type { RunningExporter } from '../support/exporter.ts';
import { type Scrape, scrapeIn } from '../support/exposition.ts';
import { type StateWatch, watchStates } from '../support/states.ts';

const HEALTHY = 'eth0';
const FAULTY = 'wlan0';

let lab: Lab;
let exporter: RunningExporter;
let watch: StateWatch;

const scrape = () => scrapeIn(lab.client, exporter.url);
const changes = (look: Scrape, state: string) => look.value('mptcp_path_state_changes_total', { path: FAULTY, state });

/** What the metrics say of a path: its state, the reasons that stand, and whether it is up. */
const saidOf = (look: Scrape, path: string) => {
  const standing = (name: string, label: string) =>
    look
      .samples(name)
      .filter(({ labels, value }) => labels.path === path && value === 1)
      .map(({ labels }) => labels[label]);
  return {
    states: standing('mptcp_path_state', 'state'),
    reasons: standing('mptcp_path_state_reason', 'reason'),
    up: look.value('mptcp_path_up', { path }),
  };
};

/** Waits until both paths are up and move data. */
async function bothMove(): Promise<void> {
  const active = async (path: string) => (await scrape()).value('mptcp_path_subflows', { path, state: 'active' });
  for (const path of [HEALTHY, FAULTY]) {
    await watch.is(path, 'up');
    await expect.poll(() => active(path), { timeout: 10_000, interval: 300 }).toBeGreaterThan(0);
  }
}

/** Traffic over both links, the fault, `during`, the end of the fault; the healthy path must never leave `up`. */
async function underTraffic(
  name: FaultName,
  direction: 'up' | 'down',
  during: (fault: AppliedFault) => Promise<unknown>,
  after: (endedAt: number) => Promise<unknown>,
): Promise<void> {
  const traffic = await lab.startTraffic({ bytes: 'unlimited', direction });
  try {
    await bothMove();
    // The fault before may have been checked until now, and there is one check a path in 5 s.
    await sleep(5000);
    const begun = performance.now() / 1000;
    const fault = await applyFault(lab, name, FAULTY);
    try {
      await during(fault);
    } catch (error) {
      await fault.end();
      throw error;
    }
    const endedAt = performance.now() / 1000;
    await fault.end();
    await after(endedAt);
    expect(watch.states(HEALTHY, begun), 'the healthy path').toEqual(['up']);
  } finally {
    await traffic.abort();
  }
}

describeLive('the health of the paths of a client with two links', () => {
  beforeAll(async () => {
    lab = await createLab({
      links: [
        { name: HEALTHY, rateMbit: 12, delayMs: 5 },
        { name: FAULTY, rateMbit: 10, delayMs: 10 },
      ],
    });
    ({ exporter, watch } = await watchStates({ prefix: ['ip', 'netns', 'exec', lab.client.namespace] }));
  });
  afterAll(async () => {
    await exporter?.stop();
    await lab?.close();
  });

  it('a blackhole while uploading is told as a stall within 2 s, and its end within 5 s', async () => {
    const before = await scrape();
    await underTraffic(
      'blackhole',
      'up',
      async ({ appliedAt }) => {
        const { at, reasons } = await watch.entered(FAULTY, 'stalled', appliedAt, 2);
        console.log(`blackhole, upload: stalled after ${(at - appliedAt).toFixed(2)} s`);
        expect(reasons).toEqual(['no_acknowledgements']);
        const look = await scrape();
        expect(saidOf(look, FAULTY)).toEqual({ states: ['stalled'], reasons: ['no_acknowledgements'], up: 0 });
        expect(saidOf(look, HEALTHY)).toEqual({ states: ['up'], reasons: [], up: 1 });
        expect(changes(look, 'stalled') - changes(before, 'stalled')).toBe(1);
        const stalled = look
          .samples('mptcp_subflow_state')
          .filter(({ labels }) => labels.state === 'stalled')
          .map(({ labels }) => labels.path);
        expect(stalled).toEqual([FAULTY]);
        const changedAt = look.value('mptcp_path_last_change_timestamp_seconds', { path: FAULTY });
        expect(changedAt).toBeGreaterThan(Date.now() / 1000 - 5);
        await sleep(3000);
        const later = await scrape();
        expect(later.value('mptcp_path_last_change_timestamp_seconds', { path: FAULTY })).toBe(changedAt);
        const page = await lab.client.exec('curl', ['-sSf', `${exporter.url}/`]);
        expect(page).toContain(`but ${FAULTY} is stalled`);
        expect(page).toMatch(/Stalled since \d\d:\d\d:\d\d: no acknowledgements/);
      },
      async (endedAt) => {
        const { at } = await watch.entered(FAULTY, 'up', endedAt, 5);
        console.log(`blackhole, upload: up ${(at - endedAt).toFixed(2)} s after its end`);
        await expect
          .poll(async () => (await scrape()).value('mptcp_path_recovery_duration_seconds_count', { path: FAULTY }), {
            timeout: 15_000,
            interval: 500,
          })
          .toBe(1);
      },
    );
    const look = await scrape();
    expect(look.value('mptcp_path_failover_duration_seconds_count', { path: FAULTY })).toBe(1);
    expect(look.value('mptcp_path_failover_duration_seconds_sum', { path: FAULTY })).toBeLessThan(2);
  });

  it('a blackhole while downloading is told within 3 s, by one small check, and its end within 5 s', async () => {
    const before = await scrape();
    await underTraffic(
      'blackhole',
      'down',
      async ({ appliedAt }) => {
        const { at, reasons } = await watch.entered(FAULTY, 'stalled', appliedAt, 3);
        console.log(`blackhole, download: stalled after ${(at - appliedAt).toFixed(2)} s`);
        expect(reasons).toEqual(['no_data_arriving']);
        const look = await scrape();
        expect(saidOf(look, FAULTY)).toEqual({ states: ['stalled'], reasons: ['no_data_arriving'], up: 0 });
        const checks = (one: Scrape, result: string) => one.value('mptcp_path_checks_total', { path: FAULTY, result });
        expect(checks(look, 'dead') - checks(before, 'dead')).toBe(1);
        await sleep(3000);
      },
      async (endedAt) => {
        const { at } = await watch.entered(FAULTY, 'up', endedAt, 5);
        console.log(`blackhole, download: up ${(at - endedAt).toFixed(2)} s after its end`);
      },
    );
  });

  it('a carrier that is lost is told within half a second, and its return within 5 s', () =>
    underTraffic(
      'carrier-lost',
      'up',
      async ({ appliedAt }) => {
        const { at } = await watch.entered(FAULTY, 'down', appliedAt, 0.5);
        console.log(`carrier lost: down after ${(at - appliedAt).toFixed(2)} s`);
        expect(saidOf(await scrape(), FAULTY)).toEqual({ states: ['down'], reasons: ['carrier_lost'], up: 0 });
        await sleep(2000);
      },
      async (endedAt) => {
        const { at } = await watch.entered(FAULTY, 'up', endedAt, 5);
        console.log(`carrier lost: up ${(at - endedAt).toFixed(2)} s after its return`);
      },
    ));
});
