import { labelText } from './text.ts';

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

/** One printed line: its value, labels, and its name where that is not the family's (histograms). */
export interface Sample {
  readonly value: number;
  readonly sharedLabels: Readonly<Record<string, string | number>>;
  /** The shared labels as they are printed. */
  readonly sharedText: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

const NO_LABELS = Object.freeze({});

/** Writes one sample; `undefined` writes nothing, because absent is not zero. */
export type EmitNumber<L extends string> = (labels: LabelValues<L>, value: number | undefined) => void;

/** Emitters for a family: numbers, and for a histogram its buckets too. */
export interface Emitter<L extends string = string> {
  (labels: LabelValues<L>, value: number | undefined): void;
  buckets(labels: LabelValues<L>, value: HistogramValue | undefined): void;
}

/** An emitter that appends to `samples`. Pass the same label object again and it is formatted only once. */
export function emitterInto<L extends string>(family: Family<L>, samples: Sample[]): Emitter<L> {
  const number: EmitNumber<L> = (labels, value) => {
    if (value !== undefined)
      samples.push({ value, sharedLabels: labels, sharedText: labelText(labels), labels: NO_LABELS });
  };
  return Object.assign(number, {
    buckets: (sharedLabels: LabelValues<L>, value: HistogramValue | undefined) => {
      if (value === undefined) return;
      const sharedText = labelText(sharedLabels);
      const push = (metricName: string, amount: number, labels: Sample['labels']) =>
        samples.push({ metricName, value: amount, sharedLabels, sharedText, labels });
      const bucket = `${family.name}_bucket`;
      value.bounds.forEach((le, i) => {
        push(bucket, value.counts[i] ?? 0, { le });
      });
      push(bucket, value.count, { le: '+Inf' });
      push(`${family.name}_sum`, value.sum, NO_LABELS);
      push(`${family.name}_count`, value.count, NO_LABELS);
    },
  });
}
