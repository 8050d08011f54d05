import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeLive } from '../lab/vitest.ts';
import { HOME, Probing, ROUND_TRIPS } from '../support/probing.ts';

const PATHS = Object.keys(ROUND_TRIPS) as (keyof typeof ROUND_TRIPS)[];
const TYPES = ['icmp', 'tcp', 'udp', 'tcp-echo'] as const;

/** A link with next to no delay, made like the others. */
const BASE = 'lan0';
const BASE_ROUND_TRIP_SECONDS = 0.002;

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
    lab = await createLab({ links: [...HOME, { name: BASE, delayMs: 1 }] });
    probing = new Probing(lab);
    await probing.reflector();
    // A first packet waits until the neighbour is known.
    await Promise.all([...PATHS, BASE].map((path) => lab.ping(path)));
  });
  afterEach(() => probing.stopExporters());
  afterAll(async () => {
    await probing?.close();
    await lab?.close();
  });

  it.each(TYPES)('by %s, measure the round trip of each path within 15 per cent', async (type) => {
    const server = lab.server.address('eth0');
    const token = type === 'udp' || type === 'tcp-echo' ? `, token_file: ${probing.tokenFile}` : '';
    const exporter = await probing.exporter(`
paths: [${[...PATHS, BASE].map((name) => `{name: ${name}, interface: ${name}}`).join()}]
probes: [{type: ${type}, target: "${server}${type === 'tcp' ? ':10263' : ''}", interval: ${type === 'icmp' ? '1s' : '500ms'}${token}}]
`);
    const replies = async () => {
      const scrape = await probing.scrape(exporter);
      return Math.min(...PATHS.map((path) => scrape.value('mptcp_probe_replies_total', { path })));
    };
    await expect.poll(replies, { timeout: 20_000, interval: 500 }).toBeGreaterThanOrEqual(2);
    const before = await probing.scrape(exporter);
    await sleep(10_000);
    const scrape = await probing.scrape(exporter);
    const meanOf = (path: string) => {
      const grown = (what: string) => {
        const family = `mptcp_probe_rtt_seconds_${what}`;
        return scrape.value(family, { path }) - before.value(family, { path });
      };
      expect(grown('count')).toBeGreaterThanOrEqual(ENOUGH);
      return grown('sum') / grown('count');
    };
    // What the lab, the machine and both programs add at the same time.
    const base = meanOf(BASE) - BASE_ROUND_TRIP_SECONDS;
    expect(base).toBeLessThan(ROUND_TRIPS.eth0);
    for (const path of PATHS) {
      const mean = meanOf(path);
      const expected = ROUND_TRIPS[path] + base;
      expect(mean / expected, `${path}: ${mean} s for ${expected} s`).toBeGreaterThan(0.85);
      expect(mean / expected, `${path}: ${mean} s for ${expected} s`).toBeLessThan(1.15);
      expect(scrape.value('mptcp_probe_success', { path })).toBe(1);
      expect(scrape.value('mptcp_probe_jitter_seconds', { path })).toBeLessThan(0.02);
      expect(scrape.value('mptcp_probe_last_success_timestamp_seconds', { path })).toBeGreaterThan(
        Date.now() / 1000 - 10,
      );
      expect(scrape.value('mptcp_probe_failures_total', { path, reason: 'timeout' })).toBe(0);
    }
    const { stderr } = await exporter.stop();
    expect(stderr).not.toContain('level=warn msg="probe');
  });

  it('leave by their own interface and by no other, and say what they cost', async () => {
    const carried = async () =>
      Promise.all(
        PATHS.map(async (path) => {
          const { sentBytes, sentPackets, receivedBytes, receivedPackets } = await lab.client.counters(path);
          return {
            sent: sentBytes - ETHERNET_BYTES * sentPackets,
            received: receivedBytes - ETHERNET_BYTES * receivedPackets,
          };
        }),
      );
    const before = await carried();
    // Each path has a probe of its own, that moves another amount, to the address of another link.
    const exporter = await probing.exporter(`
probes:
  - {type: icmp, target: ${lab.server.address('wlan0')}, payload: 4kB, paths: [eth0], interval: 1s}
  - {type: udp, target: ${lab.server.address('eth0')}, payload: 1400, paths: [wlan0], interval: 1s, token_file: ${probing.tokenFile}}
  - {type: tcp, target: "${lab.server.address('eth0')}:10263", paths: [lte0], interval: 1s}
`);
    const accounts = async () => {
      const scrape = await probing.scrape(exporter);
      const after = await carried();
      return PATHS.map((path, index) => {
        const [now, then] = [after[index], before[index]];
        return {
          path,
          runs: scrape.value('mptcp_probe_replies_total', { path }),
          sent: (now?.sent ?? Number.NaN) - (then?.sent ?? 0),
          received: (now?.received ?? Number.NaN) - (then?.received ?? 0),
          probesSent: scrape.value('mptcp_probe_sent_bytes_total', { path }),
          probesReceived: scrape.value('mptcp_probe_received_bytes_total', { path }),
        };
      });
    };
    const isNear = (told: number, was: number) => Math.abs(was - told) < 0.05 * told + NOISE_BYTES;
    // At some moment no run is under way, of which only the interface would know.
    let found: Awaited<ReturnType<typeof accounts>> = [];
    const agree = async () => {
      found = await accounts();
      return found.every(
        ({ runs, sent, received, probesSent, probesReceived }) =>
          runs >= ENOUGH && isNear(probesSent, sent) && isNear(probesReceived, received),
      );
    };
    await expect
      .poll(agree, { timeout: 25_000, interval: 130 })
      .toBe(true)
      .catch((error: unknown) => {
        throw new Error(JSON.stringify(found), { cause: error });
      });
    const [ethernet, wifi, lte] = found.map(({ sent }) => sent);
    expect(ethernet).toBeGreaterThan(2 * (wifi ?? Number.NaN));
    expect(wifi).toBeGreaterThan(2 * (lte ?? Number.NaN));
  });
});
