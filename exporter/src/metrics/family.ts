import { labelText, lineOf } from './text.ts';

/** A metric family as the catalogue lists it: name, help, type and label names in their order. */
export interface Family<L extends string = string> {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly L[];
}

/** Label values by name. The object's own keys are what is printed, in their order. */
export type LabelValues<L extends string> = Readonly<Record<L, string | number>>;

/** A value that can go down. HELP names the origin. */
export function gauge<const L extends string = never>(
  name: string,
  help: string,
  labels: readonly L[] = [],
): Family<L> {
  return { name, type: 'gauge', help, labels };
}

/** A value that only grows; the name ends in `_total`. */
export function counter<const L extends string = never>(
  name: string,
  help: string,
  labels: readonly L[] = [],
): Family<L> {
  return { name, type: 'counter', help, labels };
}

/** Buckets, sum and count. */
export function histogram<const L extends string = never>(
  name: string,
  help: string,
  labels: readonly L[] = [],
): Family<L> {
  return { name, type: 'histogram', help, labels };
}

/** Cumulative buckets for a {@link histogram}: `counts[i]` at or below `bounds[i]`, `count` in all. */
export interface HistogramValue {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
}

/** The samples of one family as they are printed, a line each. */
export interface FamilyLines {
  readonly family: Family;
  text: string;
}

/** Writes one sample; `undefined` writes nothing, because absent is not zero. */
export type EmitNumber<L extends string> = (labels: LabelValues<L>, value: number | undefined) => void;

/** Emitters for a family: numbers, and for a histogram its buckets too. */
export interface Emitter<L extends string = string> {
  (labels: LabelValues<L>, value: number | undefined): void;
  buckets(labels: LabelValues<L>, value: HistogramValue | undefined): void;
}

/** Lines of a family to be written by {@link emitterInto}. */
export const linesOf = (family: Family): FamilyLines => ({ family, text: '' });

/**
 * An emitter that appends to `lines`. They are put together here and at once: as objects, thousands of samples cost more
 * than the reading of the kernel. Pass the same label object again and it is formatted only once.
 */
export function emitterInto<L extends string>(lines: FamilyLines): Emitter<L> {
  const { name } = lines.family;
  const number: EmitNumber<L> = (labels, value) => {
    if (value !== undefined) lines.text += lineOf(name, labelText(labels), value);
  };
  return Object.assign(number, {
    buckets: (labels: LabelValues<L>, value: HistogramValue | undefined) => {
      if (value === undefined) return;
      const shared = labelText(labels);
      const bucket = (le: number | string, count: number) => {
        lines.text += lineOf(`${name}_bucket`, shared === '' ? `le="${le}"` : `le="${le}",${shared}`, count);
      };
      value.bounds.forEach((le, i) => {
        bucket(le, value.counts[i] ?? 0);
      });
      bucket('+Inf', value.count);
      lines.text += lineOf(`${name}_sum`, shared, value.sum) + lineOf(`${name}_count`, shared, value.count);
    },
  });
}
