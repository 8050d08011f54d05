import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeLive } from '../lab/vitest.ts';
import type { RunningExporter } from '../support/exporter.ts';
import { Probing } from '../support/probing.ts';
import { throttlingSeries } from '../support/throttling.ts';

const MB = 1_000_000;
const WAYS = ['up', 'down'] as const;

/** For one round of throughput over two paths and MPTCP, both ways. */
const ROUND = { timeout: 50_000, interval: 300 };

/** An interface counts the Ethernet header of each packet; a budget is in bytes as far down as IP. */
const ETHERNET_BYTES = 14;

let lab: Lab;
let probing: Probing;
const open = async (links: Parameters<typeof createLab>[0]['links']): Promise<void> => {
  lab = await createLab({ links });
  probing = new Probing(lab);
  await probing.reflector();
};
const close = async (): Promise<void> => {
  await probing?.close();
  await lab?.close();
};

/** An exporter with one throughput probe of all links; a round begins at once. */
function measuring(seconds: number, more = '', probe = ''): Promise<RunningExporter> {
  const names = lab.links.map(({ plan }) => plan.name);
  return probing.exporter(`
paths: [${names.map((name) => `{name: ${name}, interface: ${name}}`).join(', ')}]
probes:
  - {type: throughput, target: ${lab.server.address(names[0] ?? '')}, duration: ${seconds * 1000}ms, token_file: ${probing.tokenFile}, interval: 1h, jitter: 0s${probe}}
${more}`);
}

describeLive('MPTCP over two balanced links', () => {
  beforeAll(() =>
    open([
      { name: 'eth0', rateMbit: 93, delayMs: 2 },
      { name: 'wlan0', rateMbit: 80, delayMs: 4 },
    ]),
  );
  afterAll(close);

  // Something else on the machine may disturb one measurement, hardly three in a row.
  it('has a benefit above 0.8 both ways, and each path is used', { retry: 2, timeout: 90_000 }, async () => {
    const exporter = await measuring(2.5);
    const benefits = async () => (await probing.scrape(exporter)).samples('mptcp_aggregation_benefit_ratio');
    await expect.poll(benefits, ROUND).toHaveLength(2);
    const scrape = await probing.scrape(exporter);
    for (const direction of WAYS) {
      expect(scrape.value('mptcp_aggregation_benefit_ratio', { direction })).toBeGreaterThan(0.8);
      expect(scrape.value('mptcp_aggregation_gain_ratio', { direction })).toBeGreaterThan(1.6);
      for (const path of ['eth0', 'wlan0']) {
        expect(scrape.value('mptcp_path_utilisation_ratio', { path, direction })).toBeGreaterThan(0.6);
        expect(scrape.value('mptcp_path_utilisation_ratio', { path, direction })).toBeLessThan(1.2);
      }
    }
    for (const { labels, value } of scrape.samples('mptcp_recommendation_info')) {
      expect([labels, value]).toEqual([{ path: labels.path, action: 'none', reason: 'aggregation_helps' }, 1]);
    }
    const page = await lab.client.exec('curl', ['-sSf', exporter.url]);
    expect(page).toMatch(/Uploads to 10\.77\.1\.2 are \d+ % faster than over the best path alone/);
    await exporter.stop();
  });
});

describeLive('MPTCP over Ethernet with an LTE-like link', () => {
  beforeAll(() =>
    open([
      { name: 'eth0', up: { rateMbit: 60, delayMs: 12 }, down: { rateMbit: 80, delayMs: 12 } },
      { name: 'lte0', up: { rateMbit: 6, delayMs: 30 }, down: { rateMbit: 35, delayMs: 30 } },
    ]),
  );
  afterAll(close);

  it('is reported as measured, whatever the sign', { timeout: 90_000 }, async () => {
    const exporter = await measuring(2);
    const gains = async () => (await probing.scrape(exporter)).samples('mptcp_aggregation_gain_ratio');
    await expect.poll(gains, ROUND).toHaveLength(2);
    const scrape = await probing.scrape(exporter);
    for (const direction of WAYS) {
      const [eth = 0, lte = 0, mptcp = 0] = ['eth0', 'lte0', 'mptcp'].map((path) =>
        scrape.value('mptcp_probe_throughput_bytes_per_second', { path, direction }),
      );
      expect(eth).toBeGreaterThan(lte);
      const benefit = mptcp >= eth ? (mptcp - eth) / lte : (mptcp - eth) / eth;
      expect(scrape.value('mptcp_aggregation_benefit_ratio', { direction })).toBeCloseTo(benefit, 6);
      expect(scrape.value('mptcp_aggregation_gain_ratio', { direction })).toBeCloseTo(mptcp / eth, 6);
      expect(scrape.value('mptcp_probe_loaded_rtt_seconds', { path: 'lte0', direction })).toBeGreaterThan(0.06);
    }
    expect(scrape.samples('mptcp_recommendation_info').map(({ labels }) => labels.path)).toEqual(['eth0', 'lte0']);
    await exporter.stop();
  });
});

describeLive('two bare links', () => {
  beforeAll(() =>
    open([
      { name: 'eth0', rateMbit: 50 },
      { name: 'wlan0', rateMbit: 50 },
    ]),
  );
  afterAll(close);

  // The whole series, and longer: npm run throttling
  const caps = (process.env.MPTCP_THROTTLING_CAPS ?? '1,10,50').split(',').map(Number);
  const seconds = Number(process.env.MPTCP_THROTTLING_SECONDS ?? 1);
  it('have, capped at the same rates, the use that MPTCP makes of each path and direction by cap', {
    timeout: 60_000 + caps.length * (seconds + 8) * 12_000,
  }, async () => {
    const series = await throttlingSeries(probing, caps, seconds, ({ capMbit, path, direction, ratio, aloneMbit }) => {
      const columns = [
        `${capMbit} Mbit/s`,
        path,
        direction,
        `alone ${aloneMbit.toFixed(2)}`,
        `used ${ratio.toFixed(2)}`,
      ];
      console.log(columns.map((column) => column.padEnd(12)).join(''));
    });
    expect(series).toHaveLength(caps.length * 4);
    for (const { capMbit, ratio, aloneMbit } of series) {
      expect(aloneMbit / capMbit).toBeGreaterThan(0.7);
      expect(aloneMbit / capMbit).toBeLessThan(1.1);
      expect(ratio).toBeGreaterThan(0);
      expect(ratio).toBeLessThan(1.5);
    }
  });

  it('are not measured for more than the budget, over kills at any moment, and by one exporter at a time', {
    timeout: 90_000,
  }, async () => {
    await Promise.all(lab.links.map((link) => link.set({ up: { rateMbit: 50 }, down: { rateMbit: 50 } })));
    const stateFile = join(probing.folder, 'budget.json');
    const budget = `probe_budget: {state_file: ${stateFile}, paths: {wlan0: {day: 20MB}}}`;
    const measure = () => measuring(5, budget, ', paths: [wlan0], mptcp: false');
    const moved = async () => {
      const { sentBytes, receivedBytes, sentPackets, receivedPackets } = await lab.client.counters('wlan0');
      return sentBytes + receivedBytes - ETHERNET_BYTES * (sentPackets + receivedPackets);
    };
    const begun = await moved();
    let last = 0;
    for (let kill = 0; kill < 3; kill++) {
      const exporter = await measure();
      const least = last + 0.5 * MB;
      await expect.poll(async () => (await moved()) - begun, { timeout: 10_000, interval: 50 }).toBeGreaterThan(least);
      await exporter.stop('SIGKILL');
      await sleep(300);
      last = (await moved()) - begun;
    }
    const first = await measure();
    const ended = async () => {
      const scrape = await probing.scrape(first);
      return scrape.value('mptcp_probe_requests_total', { probe: 'throughput', path: 'wlan0' });
    };
    await expect.poll(ended, { timeout: 20_000, interval: 200 }).toBe(2);
    const spent = (await moved()) - begun;
    expect(spent).toBeGreaterThan(last);
    const second = await measure();
    const reasons = async () =>
      (await probing.scrape(second))
        .samples('mptcp_probe_failures_total')
        .filter(({ value }) => value > 0)
        .map(({ labels }) => labels.reason);
    await expect.poll(reasons, { timeout: 10_000, interval: 200 }).toEqual(['budget_unavailable']);
    expect(second.log()).toContain(`${stateFile} is in use by another exporter`);
    const scrape = await probing.scrape(first);
    const left = scrape.value('mptcp_probe_budget_remaining_bytes', { path: 'wlan0', period: 'day' });
    expect(left).toBeLessThanOrEqual(20 * MB - spent);
    expect((await moved()) - begun).toBeLessThanOrEqual(20 * MB + 1500);
    await second.stop();
    await first.stop();
  });
});
