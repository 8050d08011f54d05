import { expect } from 'vitest';
import type { Direction } from '../../exporter/src/config/probes/settings.ts';
import type { Probing } from './probing.ts';

/** One path in one run of MPTCP. */
export interface Utilised {
  readonly capMbit: number;
  readonly path: string;
  readonly direction: Direction;
  /** What it carried of what it carries alone. */
  readonly ratio: number;
  /** Alone, in Mbit/s. */
  readonly aloneMbit: number;
}

const WAYS = ['up', 'down'] as const;

/**
 * The throttling series of the thesis: caps all links of a lab with a reflector at the same rates, one after the other, and has
 * an exporter measure how much of each path MPTCP uses.
 */
export async function throttlingSeries(
  probing: Probing,
  capsMbit: readonly number[],
  seconds: number,
  onUtilised: (utilised: Utilised) => void = () => undefined,
): Promise<readonly Utilised[]> {
  const { lab } = probing;
  const names = lab.links.map(({ plan }) => plan.name);
  const all: Utilised[] = [];
  for (const capMbit of capsMbit) {
    await Promise.all(lab.links.map((link) => link.set({ up: { rateMbit: capMbit }, down: { rateMbit: capMbit } })));
    // A target of its own for each cap, so that no value can be of another.
    await using exporter = await probing.exporter(`
paths: [${names.map((name) => `{name: ${name}, interface: ${name}}`).join(', ')}]
probes:
  - {type: throughput, target: ${lab.server.address(names[0] ?? '')}, duration: ${seconds * 1000}ms, token_file: ${probing.tokenFile}, interval: 1h, jitter: 0s}
`);
    const scrape = () => probing.scrape(exporter);
    const timeout = 2 * (names.length + 1) * (seconds + 8) * 1000;
    const done = async () => (await scrape()).samples('mptcp_aggregation_gain_ratio').length;
    await expect.poll(done, { timeout, interval: 500 }).toBe(WAYS.length);
    const values = await scrape();
    for (const path of names) {
      for (const direction of WAYS) {
        const alone = values.value('mptcp_probe_throughput_bytes_per_second', { path, direction });
        const ratio = values.value('mptcp_path_utilisation_ratio', { path, direction });
        const utilised = { capMbit, path, direction, ratio, aloneMbit: alone / 125_000 };
        all.push(utilised);
        onUtilised(utilised);
      }
    }
    await exporter.stop();
  }
  return all;
}
