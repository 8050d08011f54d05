import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Direction } from '../../exporter/src/config/probes/settings.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { iperf3 } from '../lab/measure.ts';
import { describeLive } from '../lab/vitest.ts';
import { HOME_LINKS, type LegOutcome, Legs, startReflector, throughputSettings } from '../support/legs.ts';

const PORT = 10_263;
const TOKEN = '0123456789abcdef0123456789abcdef';
/** Payload of a full packet by what the shaper counts of it: 1448 of 1514 bytes, over MPTCP 20 less. */
const PAYLOAD_SHARE = 1448 / 1514;

let lab: Lab;
let legs: Legs;
let folder: string;
let tokenFile: string;

const rateOf = (link: string, direction: Direction): number => {
  const { plan } = lab.link(link);
  return (plan[direction].rateMbit ?? 0) * 125_000;
};

function measured({ result }: LegOutcome) {
  if (!result.ok) throw new Error(`${result.reason}: ${result.message}`);
  return { ...result.value, bytesPerSecond: result.value.bytes / result.value.seconds };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

describeLive('throughput against the reflector over Ethernet-, WiFi- and LTE-like links', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mptcp-throughput-'));
    tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, `${TOKEN}\n`);
    lab = await createLab({ links: HOME_LINKS });
    await startReflector(lab, [`--reflector.listen-address=:${PORT}`, `--reflector.token-file=${tokenFile}`]);
    legs = await Legs.start(lab);
  });
  afterAll(async () => {
    await lab?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(HOME_LINKS.flatMap(({ name }) => (['up', 'down'] as const).map((direction) => [name, direction] as const)))(
    'over %s alone, %s, is within 10 % of what the link carries, on that link and no other',
    async (link, direction) => {
      const settings = throughputSettings(PORT, { tokenFile });
      const outcome = await legs.run(link, { settings, leg: { direction } });
      const { bytesPerSecond, seconds, loadedRttSeconds } = measured(outcome);
      const share = bytesPerSecond / (rateOf(link, direction) * PAYLOAD_SHARE);
      expect(share).toBeGreaterThan(0.9);
      expect(share).toBeLessThan(1.1);
      expect(seconds).toBeGreaterThan(2);
      // Asked meanwhile, on the same path: at least the link's delay, at most what its queues hold besides.
      const { up, down } = lab.link(link).plan;
      const least = (up.delayMs + down.delayMs) / 1000;
      expect(median(loadedRttSeconds)).toBeGreaterThan(least);
      expect(median(loadedRttSeconds)).toBeLessThan(least + 1);
      for (const [other, { sent, received }] of Object.entries(outcome.carried)) {
        if (other !== link) expect(sent + received).toBeLessThan(5000);
      }
      const [told, carried] = [outcome.moved[link], outcome.carried[link]];
      expect(told?.[direction === 'up' ? 'sent' : 'received']).toBeGreaterThan(bytesPerSecond * seconds);
      for (const way of ['sent', 'received'] as const) {
        expect((told?.[way] ?? 0) / (carried?.[way] ?? 1)).toBeGreaterThan(0.9);
        expect((told?.[way] ?? 0) / (carried?.[way] ?? 1)).toBeLessThan(1.05);
      }
      expect(Object.keys(outcome.moved)).toEqual([link]);
    },
  );

  it.each(['up', 'down'] as const)(
    'over MPTCP, %s, is what iperf3 gets over the same links, and tells what each link has carried',
    async (direction) => {
      const settings = throughputSettings(PORT, { tokenFile, durationSeconds: 4 });
      const way = direction === 'up' ? 'sent' : 'received';
      const outcomes: number[] = [];
      const iperf3Rates: number[] = [];
      // In turn: what a slow third link does to the two fast ones is not the same in each run.
      for (let turn = 0; turn < 3; turn++) {
        const outcome = await legs.run('mptcp', { settings, leg: { direction } });
        outcomes.push(measured(outcome).bytesPerSecond);
        const { receivedMbit } = await iperf3(lab, { direction, seconds: 4, omitSeconds: 1 });
        iperf3Rates.push(receivedMbit * 125_000);
        expect(Object.keys(outcome.moved).sort()).toEqual(['eth0', 'lte0', 'wlan0']);
        for (const link of ['eth0', 'wlan0']) {
          const share = (outcome.moved[link]?.[way] ?? 0) / (outcome.carried[link]?.[way] ?? 1);
          expect(share).toBeGreaterThan(0.85);
          expect(share).toBeLessThan(1.1);
        }
      }
      const ratio = median(outcomes) / median(iperf3Rates);
      expect(ratio, `${outcomes.map(Math.round)} by ${iperf3Rates.map(Math.round)} bytes/s`).toBeGreaterThan(0.8);
      expect(ratio, `${outcomes.map(Math.round)} by ${iperf3Rates.map(Math.round)} bytes/s`).toBeLessThan(1.25);
    },
  );
});
