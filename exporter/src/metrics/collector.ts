import type { Part, Snapshot } from '../mptcp/model.ts';
import type { Picture } from '../observer/picture.ts';
import { type Emitter, emitterInto, type Family, type FamilyLines, linesOf } from './family.ts';

/** What a collector may look at. */
export interface CollectContext {
  readonly picture: Picture;
}

/** The families of one collector by the short name it emits them under. */
export type Families = Readonly<Record<string, Family<string>>>;

type Emitters<F extends Families> = { readonly [K in keyof F]: F[K] extends Family<infer L> ? Emitter<L> : never };

/** Gives an emitter for a family whose name is only known from the data, such as a MIB counter. */
export type EmitDynamic = <L extends string>(family: Family<L>) => Emitter<L>;

/** What a run printed by family, in the order of the catalogue, until the next run or until it was taken. */
export type Collected = ReadonlyMap<string, FamilyLines>;

/** What a collector can stand on: a part of the reading, or of the sockets their MPTCP half. */
export type Ground = Part | 'connections';

/** Whether the ground could be read. */
export function isKnown(ground: Ground, snapshot: Snapshot): boolean {
  if (ground === 'connections') return snapshot.sockets.value?.connectionsFailure === undefined;
  return snapshot[ground]?.failure === undefined;
}

/** One group of metrics: a name for the flags, the parts of a reading it stands on, its families, and how to fill them. */
export interface Collector {
  readonly name: string;
  readonly parts: readonly Ground[];
  readonly families: readonly Family[];
  /**
   * Makes what fills the families of one registry, over and over. It throws only on a bug, which costs this collector's
   * metrics alone. Lines and emitters stay: made anew at each scrape, they would be most of its garbage.
   */
  open(): (context: CollectContext) => Collected;
}

/**
 * Declares a collector. It is registered by one line in `collectors/index.ts`.
 * Success means that every part it stands on could be read and that `run` did not throw.
 */
export function collector<const F extends Families>(
  name: string,
  parts: readonly Ground[],
  families: F,
  run: (context: CollectContext, emit: Emitters<F>, dynamic: EmitDynamic) => void,
): Collector {
  return {
    name,
    parts,
    families: Object.values(families),
    open() {
      const collected = new Map<string, FamilyLines>();
      const emitters = new Map<string, Emitter>();
      const open = (family: Family): Emitter => {
        const opened = emitters.get(family.name);
        if (opened !== undefined) return opened;
        const lines = linesOf(family);
        const emitter = emitterInto(lines);
        collected.set(family.name, lines);
        emitters.set(family.name, emitter);
        return emitter;
      };
      const emit = Object.fromEntries(Object.entries(families).map(([key, family]) => [key, open(family)]));
      const clear = () => {
        for (const lines of collected.values()) lines.text = '';
      };
      return (context) => {
        clear();
        try {
          run(context, emit as unknown as Emitters<F>, open as EmitDynamic);
        } catch (error) {
          clear();
          throw error;
        }
        return collected;
      };
    },
  };
}
