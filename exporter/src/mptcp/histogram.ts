/** Observations as Prometheus counts them: `counts[i]` at or below `bounds[i]`, `count` in all, `sum` of all. */
export class Histogram {
  readonly bounds: readonly number[];
  readonly counts: number[];
  count = 0;
  sum = 0;

  /** `bounds`: upper ends of the buckets, ascending, without +Inf. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  /** Takes one value in. */
  observe(value: number): void {
    for (let i = this.bounds.length - 1; i >= 0 && value <= (this.bounds[i] ?? 0); i--) {
      this.counts[i] = (this.counts[i] ?? 0) + 1;
    }
    this.count++;
    this.sum += value;
  }
}
