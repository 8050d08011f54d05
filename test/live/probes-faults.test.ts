import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { applyFault, type FaultName } from '../lab/faults/faults.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeLive } from '../lab/vitest.ts';
import type { RunningExporter } from '../support/exporter.ts';
import type { Scrape } from '../support/exposition.ts';
import { insightEnvironment, insightOf } from '../support/insight.ts';
import { HOME, Probing } from '../support/probing.ts';
import { childrenOf } from '../support/processes.ts';

const INTERVAL_SECONDS = 1;
const TYPES = ['icmp', 'udp', 'tcp'] as const;
/** How late a busy machine may be, in seconds. */
const LATE_SECONDS = 1;

let lab: Lab;
let probing: Probing;

/** All probes of a path together. */
const sum = (scrape: Scrape, family: string, path: string): number =>
  scrape
    .samples(family)
    .filter(({ labels }) => labels.path === path)
    .reduce((total, { value }) => total + value, 0);

describeLive('probes and faults of their links', () => {
  let exporter: RunningExporter;

  beforeAll(async () => {
    lab = await createLab({ links: HOME });
    probing = new Probing(lab);
    await probing.reflector();
    const target = lab.server.address('eth0');
    exporter = await probing.exporter(
      `
paths:
  - {name: fibre, interface: eth0}
  - {name: lte, interface: lte0}
  - {name: wifi, interface: wlan0}
  - {name: wifi by address, local: 10.77.2.0/24}
probes:
  - {type: icmp, target: ${target}, interval: 1s, timeout: 900ms}
  - {type: udp, target: ${target}, interval: 1s, timeout: 900ms, token_file: ${probing.tokenFile}}
  - {type: tcp, target: "${target}:10263", interval: 1s, timeout: 900ms}
`,
      [],
      insightEnvironment(),
    );
  });
  afterAll(async () => {
    await probing?.close();
    await lab?.close();
  });

  const scrape = () => probing.scrape(exporter);
  /** Whether the latest run of each type succeeded on the path. */
  async function succeeding(path: string): Promise<boolean> {
    const now = await scrape();
    return TYPES.every((probe) => now.value('mptcp_probe_success', { probe, path }) === 1);
  }

  it.each<[FaultName, string]>([
    ['carrier-lost', 'wifi'],
    ['blackhole', 'wifi'],
    ['interface-removed', 'wifi'],
    ['interface-renamed', 'wifi'],
  ])('go on undisturbed beside a %s, and come back by themselves on the path that had it', async (name, failing) => {
    await expect.poll(() => succeeding(failing), { timeout: 15_000, interval: 200 }).toBe(true);
    const before = await scrape();
    const fault = await applyFault(lab, name, 'wlan0');
    try {
      await expect.poll(() => succeeding(failing), { timeout: 8000, interval: 100 }).toBe(false);
      await sleep(2500);
    } finally {
      await fault.end();
    }
    const ended = performance.now();
    await expect.poll(() => succeeding(failing), { timeout: 15_000, interval: 50 }).toBe(true);
    expect((performance.now() - ended) / 1000).toBeLessThan(INTERVAL_SECONDS + 2 + LATE_SECONDS);
    const after = await scrape();
    for (const path of ['fibre', 'lte']) {
      const grown = (family: string) => sum(after, family, path) - sum(before, family, path);
      expect([path, grown('mptcp_probe_failures_total')]).toEqual([path, 0]);
      expect(grown('mptcp_probe_replies_total')).toBeGreaterThanOrEqual(2 * TYPES.length);
    }
    if (name === 'interface-renamed') {
      const [now, then] = [after, before].map((one) => sum(one, 'mptcp_probe_replies_total', 'wifi by address'));
      expect((now ?? 0) - (then ?? 0)).toBeGreaterThan(0);
    }
  });

  it('go on from the new address when the network gives another one, and from the old one when that comes back', async () => {
    const paths = ['wifi', 'wifi by address'];
    for (const path of paths) await expect.poll(() => succeeding(path), { timeout: 15_000, interval: 200 }).toBe(true);
    const failuresBefore = await scrape();
    const fault = await applyFault(lab, 'address-changed', 'wlan0');
    const goOn = async () => {
      // From now on there is no other address to answer to.
      const begun = await scrape();
      await sleep((INTERVAL_SECONDS + 2 + LATE_SECONDS) * 1000);
      const now = await scrape();
      for (const path of paths) {
        const grown = sum(now, 'mptcp_probe_replies_total', path) - sum(begun, 'mptcp_probe_replies_total', path);
        expect([path, grown >= 2 * TYPES.length]).toEqual([path, true]);
        expect([path, await succeeding(path)]).toEqual([path, true]);
      }
    };
    try {
      expect(await lab.client.exec('ip', ['-4', 'address', 'show', 'dev', 'wlan0'])).not.toContain('10.77.2.1/');
      await goOn();
    } finally {
      await fault.end();
    }
    await goOn();
    const after = await scrape();
    for (const path of ['fibre', 'lte']) {
      const [now, then] = [after, failuresBefore].map((one) => sum(one, 'mptcp_probe_failures_total', path));
      expect([path, (now ?? 0) - (then ?? 0)]).toEqual([path, 0]);
    }
  });

  it('judge a path that nothing else uses: stalled, for probes fail here and not elsewhere', async () => {
    const state = async (path: string) => {
      const now = await scrape();
      return ['unused', 'stalled'].filter((one) => now.value('mptcp_path_state', { path, state: one }) === 1).join();
    };
    await expect.poll(() => state('wifi'), { timeout: 15_000 }).toBe('unused');
    const fault = await applyFault(lab, 'blackhole', 'wlan0');
    const begun = performance.now();
    try {
      await expect.poll(() => state('wifi'), { timeout: 15_000, interval: 100 }).toBe('stalled');
      expect((performance.now() - begun) / 1000).toBeLessThan(3 * INTERVAL_SECONDS + 0.9 + 1 + LATE_SECONDS);
      const now = await scrape();
      expect(now.value('mptcp_path_up', { path: 'wifi' })).toBe(0);
      expect(now.value('mptcp_path_state_reason', { path: 'wifi', reason: 'probe_failing' })).toBe(1);
      expect([await state('fibre'), await state('lte')]).toEqual(['unused', 'unused']);
    } finally {
      await fault.end();
    }
    const ended = performance.now();
    await expect.poll(() => state('wifi'), { timeout: 15_000, interval: 100 }).toBe('unused');
    expect((performance.now() - ended) / 1000).toBeLessThan(INTERVAL_SECONDS + 2 + LATE_SECONDS);
  });

  it('a hundred times down and up leave no child, no descriptor and no timer behind', async () => {
    const count = async () => {
      const { timers } = await insightOf(exporter);
      return {
        timers,
        descriptors: readdirSync(`/proc/${exporter.pid}/fd`).length,
        children: childrenOf(exporter.pid).length,
      };
    };
    await expect.poll(() => succeeding('wifi'), { timeout: 15_000 }).toBe(true);
    // A few runs are always under way, for milliseconds: the least of several looks.
    const least = async () => {
      const looks: Awaited<ReturnType<typeof count>>[] = [];
      for (let look = 0; look < 12; look++) {
        looks.push(await count());
        await sleep(130);
      }
      const of = (name: keyof (typeof looks)[number]) => Math.min(...looks.map((one) => one[name]));
      return { timers: of('timers'), descriptors: of('descriptors'), children: of('children') };
    };
    const before = await least();
    const requests = sum(await scrape(), 'mptcp_probe_requests_total', 'wifi');
    for (let cycle = 0; cycle < 100; cycle++) {
      await lab.client.batch('ip', ['link set dev wlan0 down']);
      await sleep(20);
      await lab.client.batch('ip', ['link set dev wlan0 up']);
      await sleep(40);
    }
    await lab.client.restore(lab.link('wlan0').plan);
    await expect.poll(() => succeeding('wifi'), { timeout: 15_000 }).toBe(true);
    expect(sum(await scrape(), 'mptcp_probe_requests_total', 'wifi') - requests).toBeGreaterThan(2 * TYPES.length);
    const after = await least();
    expect(after.children).toBe(0);
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
    // One left behind by each cycle would be a hundred; a run that is under way at every look is none.
    expect(after.timers).toBeLessThanOrEqual(before.timers + TYPES.length);
  });
});
