import type { Part, Snapshot } from '../mptcp/model.ts';
import type { Picture } from '../observer/picture.ts';
import { type Emitter, emitterInto, type Family, type Sample } from './family.ts';

/** What a collector may look at. */
export interface CollectContext {
  readonly picture: Picture;
}

/** The families of one collector by the short name it emits them under. */
export type Families = Readonly<Record<string, Family<string>>>;

type Emitters<F extends Families> = { readonly [K in keyof F]: F[K] extends Family<infer L> ? Emitter<L> : never };

/** Gives an emitter for a family whose name is only known from the data, such as a MIB counter. */
export type EmitDynamic = <L extends string>(family: Family<L>) => Emitter<L>;

/** The samples of one run by family, in the order of the catalogue. */
export type Collected = ReadonlyMap<string, { readonly family: Family; readonly samples: readonly Sample[] }>;

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
  /** Pure; throws only on a bug, which costs this collector's metrics alone. */
  collect(context: CollectContext): Collected;
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
    collect(context) {
      const collected = new Map<string, { family: Family; samples: Sample[] }>();
      const open: EmitDynamic = (family) => {
        const samples = collected.get(family.name)?.samples ?? [];
        collected.set(family.name, { family, samples });
        return emitterInto(family, samples);
      };
      const emit = Object.fromEntries(Object.entries(families).map(([key, family]) => [key, open(family)]));
      run(context, emit as unknown as Emitters<F>, open);
      return collected;
    },
  };
}
