/**
 * Whether MPTCP helps, from rates measured close in time: `mptcp` over all paths together, `alone` over each of them by
 * plain TCP. Any unit, the same for all. Whatever is missing or not above 0 was not measured and makes the answer unknown.
 */

/**
 * The aggregation benefit: 1 is the sum of the paths, 0 the best of them alone, below 0 MPTCP does harm, down to -1. What was
 * measured is not cut off: above 1 the paths carried more together than each for itself. Undefined for fewer than two paths.
 */
export function aggregationBenefit(
  mptcp: number | undefined,
  alone: readonly (number | undefined)[],
): number | undefined {
  if (!areMeasured(alone) || alone.length < 2 || !isMeasured(mptcp)) return undefined;
  const best = Math.max(...alone);
  if (mptcp < best) return (mptcp - best) / best;
  // The others' sum, instead of the sum without the best: a slow path must not drown in a fast one's rounding error.
  const others = alone.toSpliced(alone.indexOf(best), 1);
  return (mptcp - best) / others.reduce((sum, rate) => sum + rate, 0);
}

/** MPTCP by the best single path: 1 is as fast, 2 twice as fast. Undefined without a path. */
export function aggregationGain(mptcp: number | undefined, alone: readonly (number | undefined)[]): number | undefined {
  if (!areMeasured(alone) || alone.length === 0 || !isMeasured(mptcp)) return undefined;
  return mptcp / Math.max(...alone);
}

/**
 * How much of what each path carries alone it carried while MPTCP ran, by path: 1 is fully used, 0 not at all. `bytes` is
 * what each path moved of that run. Paths that were not measured are left out; nothing moved at all: none is known.
 */
export function pathUtilisation(
  mptcp: number | undefined,
  alone: ReadonlyMap<string, number | undefined>,
  bytes: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const used = new Map<string, number>();
  const all = [...bytes.values()].reduce((sum, each) => sum + each, 0);
  if (!isMeasured(mptcp) || !isMeasured(all)) return used;
  for (const [path, rate] of alone) {
    if (isMeasured(rate)) used.set(path, (((bytes.get(path) ?? 0) / all) * mptcp) / rate);
  }
  return used;
}

function isMeasured(rate: number | undefined): rate is number {
  return rate !== undefined && Number.isFinite(rate) && rate > 0;
}

function areMeasured(rates: readonly (number | undefined)[]): rates is readonly number[] {
  return rates.every(isMeasured);
}
