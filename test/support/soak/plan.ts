import fc from 'fast-check';
import type { FaultName } from '../../lab/faults/faults.ts';
import { LOADS, type Load } from './record.ts';

/** A fault to be, on the link of this number. */
export interface PlannedFault {
  readonly name: FaultName;
  readonly link: number;
  readonly holdSeconds: number;
}

/** One fault, or two on different links of which the second begins later and ends later, and health afterwards. */
export interface Episode {
  readonly fault: PlannedFault;
  readonly second: (PlannedFault & { readonly afterSeconds: number }) | undefined;
  readonly gapSeconds: number;
}

/** Connections for a while, with faults. The healthy link has none, and short connections go over it. */
export interface Block {
  readonly load: Load;
  readonly healthy: number;
  /** The link over which the long connections begin, and how many there are. */
  readonly from: number;
  readonly connections: number;
  readonly family: 4 | 6;
  readonly closer: 'client' | 'server';
  readonly ending: 'finish' | 'reset' | 'abandon' | 'kill';
  readonly episodes: readonly Episode[];
}

/** Links of the lab that this plans for. */
export const LINKS = 3;

/** How long each fault lasts at least and at most, and how often it comes by comparison. */
const FAULTS: Partial<Record<FaultName, readonly [least: number, most: number, weight: number]>> = {
  'carrier-lost': [1, 8, 4],
  'cable-pulled': [1, 8, 2],
  'far-end-unplugged': [4, 10, 2],
  blackhole: [4, 12, 6],
  'blackhole-up': [4, 12, 3],
  'blackhole-down': [4, 12, 3],
  loss: [8, 22, 2],
  delay: [8, 22, 2],
  'rate-cut': [5, 12, 1],
  'subflow-reset': [2, 6, 2],
  'endpoint-deleted': [2, 8, 3],
  'address-changed': [3, 12, 2],
  'interface-removed': [2, 8, 2],
  'options-stripped': [3, 8, 1],
  'joins-dropped': [3, 8, 1],
  'limits-reached': [2, 6, 1],
};

/** Of every link at once: what is mended on another link meanwhile stays broken, since the kernel does not try again. */
const OF_ALL_LINKS: ReadonlySet<FaultName> = new Set<FaultName>(['limits-reached']);

const fault: fc.Arbitrary<PlannedFault> = fc
  .oneof(
    ...Object.entries(FAULTS).map(([name, [, , weight]]) => ({ weight, arbitrary: fc.constant(name as FaultName) })),
  )
  .chain((name) => {
    const [least, most] = FAULTS[name] ?? [1, 1];
    return fc.record({
      name: fc.constant(name),
      link: fc.constant(0),
      holdSeconds: fc.integer({ min: least, max: most }),
    });
  });

/** The other links than the healthy one. */
const others = (healthy: number): readonly [number, number] => [(healthy + 1) % LINKS, (healthy + 2) % LINKS];

const episode = (healthy: number): fc.Arbitrary<Episode> =>
  fc
    .record({
      fault,
      first: fc.constantFrom(0 as const, 1 as const),
      second: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fault }),
      afterSeconds: fc.integer({ min: 4, max: 6 }),
      gapSeconds: fc.integer({ min: 3, max: 9 }),
    })
    .map((drawn) => {
      const [link, other] = drawn.first === 0 ? others(healthy) : [...others(healthy)].reverse();
      const { afterSeconds, gapSeconds } = drawn;
      const isAlone = [drawn.fault, drawn.second].some((one) => one !== undefined && OF_ALL_LINKS.has(one.name));
      const second = drawn.second && !isAlone ? { ...drawn.second, link: other ?? 0, afterSeconds } : undefined;
      return { fault: { ...drawn.fault, link: link ?? 0 }, second, gapSeconds };
    });

const block: fc.Arbitrary<Block> = fc.integer({ min: 0, max: LINKS - 1 }).chain((healthy) =>
  fc.record({
    healthy: fc.constant(healthy),
    load: fc.constantFrom(...LOADS),
    from: fc.integer({ min: 0, max: LINKS - 1 }),
    connections: fc.integer({ min: 1, max: 3 }),
    family: fc.constantFrom(4 as const, 4 as const, 6 as const),
    closer: fc.constantFrom('client' as const, 'server' as const),
    ending: fc.constantFrom('finish' as const, 'reset' as const, 'abandon' as const, 'kill' as const),
    episodes: fc.array(episode(healthy), { minLength: 2, maxLength: 4 }),
  }),
);

/** The same blocks for the same seed; the second fault of an episode is of a kind that needs the link alone. */
export function planBlocks(seed: number, count: number): readonly Block[] {
  return fc.sample(block, { seed, numRuns: count, unbiased: true } as fc.Parameters<Block>);
}
