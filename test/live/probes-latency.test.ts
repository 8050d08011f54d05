import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeLive } from '../lab/vitest.ts';
import { HOME, Probing, ROUND_TRIPS } from '../support/probing.ts';

const PATHS = Object.keys(ROUND_TRIPS) as (keyof typeof ROUND_TRIPS)[];
const TYPES = ['icmp', 'tcp', 'udp', 'tcp-echo'] as const;

/** Least runs by which a round trip is judged. */
const ENOUGH = 8;

/** An interface counts the Ethernet header too. */
const ETHERNET_BYTES = 14;

/** Neighbour discovery and the like, in bytes. */
const NOISE_BYTES = 1000;

let lab: Lab;
let probing: Probing;

describeLive('latency probes on an Ethernet-, a WiFi- and an LTE-like path', () => {
  beforeAll(async () => {
    lab = await createLab({ links: HOME });
    probing = new Probing(lab);
    await probing.reflector();
  });
  afterAll(async () => {
    await probing?.close();
    await lab?.close();
  });

  it('measure the round trip of each path within 15 %, by each type', async () => {
    const target = lab.server.address('eth0');
    const token = `token_file: ${probing.tokenFile}`;
    const exporter = await probing.exporter(`
paths: [{name: eth0, interface: eth0}, {name: wlan0, interface: wlan0}, {name: lte0, interface: lte0}]
probes:
  - {type: icmp, target: ${target}, interval: 1s}
  - {type: tcp, target: "${target}:10263", interval: 1s}
  - {type: udp, target: ${target}, interval: 1s, ${token}}
  - {type: tcp-echo, target: ${target}, interval: 1s, ${token}}
`);
    const series = TYPES.flatMap((probe) => PATHS.map((path) => ({ probe, path })));
    const replies = async () => {
      const scrape = await probing.scrape(exporter);
      return Math.min(...series.map((labels) => scrape.value('mptcp_probe_replies_total', labels)));
    };
    await expect.poll(replies, { timeout: 20_000, interval: 500 }).toBeGreaterThanOrEqual(2);
    // What the lab and the machine add, at the same time: by ping, which the kernel's clock measures.
    const [before, base] = [await probing.scrape(exporter), new Map<string, number>()];
    const pings = PATHS.map(async (path) => {
      const { rttMs } = await lab.ping(path, { count: 30, intervalMs: 400 });
      base.set(path, (rttMs?.mean ?? Number.NaN) / 1000 - ROUND_TRIPS[path]);
    });
    await Promise.all(pings);
    const scrape = await probing.scrape(exporter);
    for (const { probe, path } of series) {
      const labels = { probe, path };
      const grown = (what: string) => {
        const family = `mptcp_probe_rtt_seconds_${what}`;
        return scrape.value(family, labels) - before.value(family, labels);
      };
      expect(grown('count')).toBeGreaterThanOrEqual(ENOUGH);
      const mean = grown('sum') / grown('count');
      const expected = ROUND_TRIPS[path] + (base.get(path) ?? Number.NaN);
      expect([probe, path, mean / expected > 0.85 && mean / expected < 1.15, mean, expected]).toEqual([
        probe,
        path,
        true,
        mean,
        expected,
      ]);
      expect(scrape.value('mptcp_probe_success', labels)).toBe(1);
      expect(scrape.value('mptcp_probe_jitter_seconds', labels)).toBeLessThan(0.02);
      expect(scrape.value('mptcp_probe_last_success_timestamp_seconds', labels)).toBeGreaterThan(
        Date.now() / 1000 - 10,
      );
      expect(scrape.value('mptcp_probe_failures_total', { ...labels, reason: 'timeout' })).toBe(0);
    }
    expect(exporter.log()).not.toContain('level=warn msg="probe');
  });

  it('leave by their own interface and by no other, and say what they cost', async () => {
    // Each path has a probe of its own, that moves another amount, to the address of another link.
    const exporter = await probing.exporter(`
probes:
  - {type: icmp, target: ${lab.server.address('wlan0')}, payload: 4kB, paths: [eth0], interval: 1s}
  - {type: udp, target: ${lab.server.address('eth0')}, payload: 1400, paths: [wlan0], interval: 1s, token_file: ${probing.tokenFile}}
  - {type: tcp, target: "${lab.server.address('eth0')}:10263", paths: [lte0], interval: 1s}
`);
    const replying = async () =>
      (await probing.scrape(exporter)).samples('mptcp_probe_replies_total').filter(({ value }) => value > 0).length;
    await expect.poll(replying, { timeout: 10_000 }).toBe(3);
    const read = async () => {
      const scrape = await probing.scrape(exporter);
      return Promise.all(
        PATHS.map(async (path) => {
          const { sentBytes, sentPackets, receivedBytes, receivedPackets } = await lab.client.counters(path);
          return {
            sent: sentBytes - ETHERNET_BYTES * sentPackets,
            received: receivedBytes - ETHERNET_BYTES * receivedPackets,
            probesSent: scrape.value('mptcp_probe_sent_bytes_total', { path }),
            probesReceived: scrape.value('mptcp_probe_received_bytes_total', { path }),
          };
        }),
      );
    };
    const before = await read();
    await sleep(8000);
    const after = await read();
    const grown = after.map((now, index) => {
      const then = before[index] ?? now;
      return {
        sent: now.sent - then.sent,
        received: now.received - then.received,
        probesSent: now.probesSent - then.probesSent,
        probesReceived: now.probesReceived - then.probesReceived,
      };
    });
    for (const { sent, received, probesSent, probesReceived } of grown) {
      expect(Math.abs(sent - probesSent)).toBeLessThan(0.1 * probesSent + NOISE_BYTES);
      expect(Math.abs(received - probesReceived)).toBeLessThan(0.1 * probesReceived + NOISE_BYTES);
    }
    const [ethernet, wifi, lte] = grown.map(({ sent }) => sent);
    expect(ethernet).toBeGreaterThan(2 * (wifi ?? Number.NaN));
    expect(wifi).toBeGreaterThan(2 * (lte ?? Number.NaN));
  });
});
