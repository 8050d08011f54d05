import type { PathState, Reason } from '../../../exporter/src/mptcp/health/states.ts';
import type { EnteredState } from '../states.ts';
import { expectationsOf, usualStates } from './expectations.ts';
import type { LabRecord } from './record.ts';

/** A path was in a state that the record does not allow. */
export interface Contradiction {
  readonly path: string;
  readonly state: PathState;
  readonly reasons: readonly Reason[];
  readonly from: number;
  readonly to: number;
  /** What it should have been, and why. */
  readonly allowed: readonly PathState[];
  readonly why: readonly string[];
}

/**
 * Every time in which a path's state contradicted the lab's record longer than the bounds allow, up to `until`. Paths that
 * are not links of the lab are left out, as is the time before a path's first judgement.
 */
export function contradictions(
  record: LabRecord,
  history: readonly EnteredState[],
  until: number,
): readonly Contradiction[] {
  return record.links.flatMap((link) =>
    ofPath(
      record,
      history.filter(({ path }) => path === link),
      link,
      until,
    ),
  );
}

function ofPath(record: LabRecord, history: readonly EnteredState[], path: string, until: number): Contradiction[] {
  const expectations = expectationsOf(record, path);
  const edges = [
    ...expectations.flatMap(({ from, to }) => [from, to]),
    ...record.traffic.flatMap(({ openedAt, endingAt }) => [openedAt, endingAt]),
  ];
  return history.flatMap(({ at, to: state, reasons }, index) => {
    const end = Math.min(history[index + 1]?.at ?? until, until);
    const inside = edges.filter((edge) => edge > at && edge < end).sort((a, b) => a - b);
    const found: Contradiction[] = [];
    [at, ...inside].forEach((from, position) => {
      const to = inside[position] ?? end;
      if (to <= from) return;
      const standing = expectations.filter((one) => one.from <= from && one.to > from);
      const usual = standing.some(({ only }) => only) ? [] : usualStates(record, from);
      const allowed = [...new Set([...usual, ...standing.flatMap(({ states }) => states)])];
      if (allowed.includes(state)) return;
      const before = found.at(-1);
      const why = standing.map((one) => one.why);
      if (before?.to === from) found[found.length - 1] = { ...before, to, why: [...new Set([...before.why, ...why])] };
      else found.push({ path, state, reasons, from, to, allowed, why });
    });
    return found;
  });
}

/** In words, with times since `start`. */
export function tellContradiction(
  { path, state, reasons, from, to, allowed, why }: Contradiction,
  start: number,
): string {
  const seconds = (at: number) => (at - start).toFixed(2);
  const because = why.length === 0 ? 'no fault' : why.join(', ');
  return `${path} was ${state} (${reasons}) from ${seconds(from)} to ${seconds(to)} s, not ${allowed.join(' or ')} (${because})`;
}
