import { aggregationGain } from './benefit.ts';

/** `up`: this machine sends. `down`: it receives. */
export type Direction = 'up' | 'down';

/** What to do with a path; `none`: leave it as it is. Nothing here ever does it. */
export type Action = 'make_backup' | 'use_for_aggregation' | 'none';

/** Why, a closed set; the `reason` label of `mptcp_recommendation_info`. */
export const RECOMMENDATION_REASONS = [
  'uploads_lose', // make_backup: MPTCP uploads slower with it than the best path alone
  'downloads_lose',
  'both_lose',
  'fast_backup', // use_for_aggregation: it is a backup, but about as good as the paths in use
  'aggregation_helps', // none, as are all that follow
  'little_difference', // MPTCP is about as fast as the best path alone
  'mixed', // one direction loses and the other gains: a choice for people
  'not_used', // MPTCP moved next to nothing over it
  'backup', // it is a backup, and had better stay one
  'unconfirmed', // something else than `none` may come of it, but too few rounds say so yet
] as const;

/** One of {@link RECOMMENDATION_REASONS}. */
export type RecommendationReason = (typeof RECOMMENDATION_REASONS)[number];

/** One direction of a round in which every member was measured. */
export interface RoundDirection {
  /** Of MPTCP over all paths, in bytes per second. */
  readonly mptcpBytesPerSecond: number;
  /** Of each path alone. */
  readonly aloneBytesPerSecond: ReadonlyMap<string, number>;
  /** Part of the MPTCP run's bytes that each path moved; absent when it is not known. */
  readonly shares?: ReadonlyMap<string, number>;
  /** Round-trip times of each path while it was measured alone; those that are known. */
  readonly loadedRttSeconds: ReadonlyMap<string, number>;
}

/** One round with a target: the same moment's figures of every path and of MPTCP. */
export interface Round {
  readonly directions: ReadonlyMap<Direction, RoundDirection>;
  /** Paths that were backups then, so that MPTCP did not use them for more than need. */
  readonly backups: ReadonlySet<string>;
  readonly metered: ReadonlySet<string>;
}

/** What is recommended for a path. */
export interface Recommendation {
  readonly path: string;
  readonly action: Action;
  readonly reason: RecommendationReason;
  /** For people: `lte: make it a backup endpoint, uploads lose 12 % with it`. */
  readonly words: string;
}

/** Rounds in a row that must say the same before it is recommended. */
export const ROUNDS_TO_RECOMMEND = 3;

/** Rounds in a row that must say otherwise before it is recommended no more. */
export const ROUNDS_TO_WITHDRAW = 2;

/** A gain or loss below this may be chance: single measurements of a busy link vary by as much. */
const NOTABLE = 0.05;

/** A path with less of the bytes was not used. */
const USED_SHARE = 0.01;

/** A backup must be this fast, measured by the best path in use, in each direction, to be worth using … */
const FAST_BACKUP = 0.5;

/** … and its round trips at most this many times as long as theirs, or waiting for it costs more than it brings. */
const SLOW_RTT = 2;

/** A longest RTT that is not this many times the next one's says little; then the slowest path is suspected. */
const OUTSTANDING_RTT = 1.5;

interface Verdict {
  readonly action: Action;
  readonly reason: RecommendationReason;
  readonly words: string;
}

interface Standing {
  readonly verdict: Verdict;
  /** What the latest rounds say instead, how many in a row; the standing action when they say nothing else. */
  readonly rival: Action;
  readonly rounds: number;
}

/** Judges each path by the rounds with one target; it remembers what has come of earlier rounds, not the rounds. */
export class Adviser {
  readonly #standing = new Map<string, Standing>();
  /** Paths that have been told to become backups: that one is fast alone is then no reason to use it again. */
  readonly #harmful = new Set<string>();
  #backups: ReadonlySet<string> = new Set();

  /** Takes a complete round into account. Paths that are not in it any more are forgotten. */
  heed(round: Round): void {
    const verdicts = judge(round);
    for (const path of this.#standing.keys()) {
      // What was said of a path that has since been made a backup, or none any more, is out of date.
      const isOther = round.backups.has(path) !== this.#backups.has(path);
      if (!verdicts.has(path) || isOther) this.#standing.delete(path);
    }
    this.#backups = round.backups;
    for (const [path, verdict] of verdicts) {
      const wanted = verdict.action === 'use_for_aggregation' && this.#harmful.has(path) ? slowBackup(path) : verdict;
      const standing = this.#weigh(this.#standing.get(path), wanted);
      this.#standing.set(path, standing);
      if (standing.verdict.action === 'make_backup') this.#harmful.add(path);
    }
  }

  /** What stands now, one for each path of the latest round, in its order. */
  get recommendations(): readonly Recommendation[] {
    return [...this.#standing].map(([path, { verdict, rival, rounds }]) => {
      if (verdict.action !== 'none' || rival === 'none') return { path, ...verdict };
      return { path, action: 'none', reason: 'unconfirmed', words: unconfirmed(verdict.words, rounds) };
    });
  }

  #weigh(before: Standing | undefined, wanted: Verdict): Standing {
    const stands = before?.verdict.action ?? 'none';
    if (wanted.action === stands) return { verdict: wanted, rival: stands, rounds: 0 };
    const rounds = before?.rival === wanted.action ? before.rounds + 1 : 1;
    if (rounds >= (stands === 'none' ? ROUNDS_TO_RECOMMEND : ROUNDS_TO_WITHDRAW)) {
      return { verdict: wanted, rival: wanted.action, rounds: 0 };
    }
    // Until it is confirmed, what would be said is kept for the words alone.
    const verdict = stands === 'none' ? { ...wanted, action: 'none' as const } : (before?.verdict ?? wanted);
    return { verdict, rival: wanted.action, rounds };
  }
}

function unconfirmed(words: string, rounds: number): string {
  return `${words} (so far in ${rounds} of the ${ROUNDS_TO_RECOMMEND} rounds in a row that it takes)`;
}

/** What one round says of each path. */
function judge(round: Round): ReadonlyMap<string, Verdict> {
  const { directions, backups } = round;
  const measured = new Set(
    [...directions.values()].flatMap(({ aloneBytesPerSecond }) => [...aloneBytesPerSecond.keys()]),
  );
  const members = [...measured].filter((path) => !backups.has(path));
  const verdicts = new Map<string, Verdict>();
  if (members.length >= 2) {
    const gains = gainsOf(round, members);
    const blamed = blame(round, members, gains);
    for (const path of members) verdicts.set(path, blamed?.path === path ? blamed.verdict : common(round, path, gains));
  }
  for (const path of measured) {
    if (backups.has(path)) verdicts.set(path, judgeBackup(round, path, members));
  }
  return verdicts;
}

/** What MPTCP makes of the best path's rate by direction: 0.88 is a loss of 12 %. */
function gainsOf({ directions }: Round, members: readonly string[]): ReadonlyMap<Direction, number> {
  const gains = new Map<Direction, number>();
  for (const [direction, { mptcpBytesPerSecond, aloneBytesPerSecond }] of directions) {
    const gain = aggregationGain(
      mptcpBytesPerSecond,
      members.map((path) => aloneBytesPerSecond.get(path)),
    );
    if (gain !== undefined) gains.set(direction, gain);
  }
  return gains;
}

/** The path that is held to slow MPTCP down, if it is slow, and what is said of it. */
function blame(
  round: Round,
  members: readonly string[],
  gains: ReadonlyMap<Direction, number>,
): { readonly path: string; readonly verdict: Verdict } | undefined {
  const losing = [...gains].filter(([, gain]) => gain < 1 - NOTABLE).sort(([, a], [, b]) => a - b);
  const [worst] = losing;
  const figures = worst && round.directions.get(worst[0]);
  const suspect = figures && suspectOf(figures, members);
  if (suspect === undefined) return undefined;
  const { path, why } = suspect;
  const losses = losing.map(([direction, gain]) => `${noun(direction)} lose ${percent(1 - gain)} %`).join(' and ');
  const gaining = [...gains].find(([, gain]) => gain > 1 + NOTABLE);
  if (gaining !== undefined) {
    const [direction, gain] = gaining;
    const words = `${path}: ${losses} with it, but ${noun(direction)} gain ${percent(gain - 1)} %: make it a backup endpoint if the former matter more${why}`;
    return { path, verdict: { action: 'none', reason: 'mixed', words } };
  }
  const reason = losing.length === 2 ? 'both_lose' : worst?.[0] === 'up' ? 'uploads_lose' : 'downloads_lose';
  const words = `${path}: make it a backup endpoint, ${losses} with it${why}`;
  return { path, verdict: { action: 'make_backup', reason, words } };
}

/**
 * Which path slows MPTCP down. Of two it can only be the one that is not the best; of more, nothing short of a round
 * without it could prove it, so what is said is how it stands out.
 */
function suspectOf(
  { aloneBytesPerSecond, shares, loadedRttSeconds }: RoundDirection,
  members: readonly string[],
): { readonly path: string; readonly why: string } | undefined {
  const slowestFirst = members
    .map((path) => ({ path, rate: aloneBytesPerSecond.get(path) ?? 0, rtt: loadedRttSeconds.get(path) }))
    .sort((a, b) => a.rate - b.rate);
  const candidates = slowestFirst.slice(0, -1).filter(({ path }) => (shares?.get(path) ?? 1) >= USED_SHARE);
  const [slowest, ...others] = candidates;
  if (slowest === undefined) return undefined;
  if (others.length === 0) return { path: slowest.path, why: '' };
  const [longest, next] = candidates.toSorted((a, b) => (b.rtt ?? 0) - (a.rtt ?? 0));
  const isOutstanding =
    candidates.every(({ rtt }) => rtt !== undefined) && (longest?.rtt ?? 0) >= OUTSTANDING_RTT * (next?.rtt ?? 0);
  const path = isOutstanding && longest !== undefined ? longest.path : slowest.path;
  const trait = isOutstanding ? 'the longest round trips' : 'the lowest rate';
  const rest = candidates.filter((each) => each.path !== path).map((each) => each.path);
  return {
    path,
    why: `; it is the likeliest cause, not a proven one: it has ${trait}, but ${list(rest)} may be it too`,
  };
}

/** What is said of a path that is not blamed. */
function common({ directions }: Round, path: string, gains: ReadonlyMap<Direction, number>): Verdict {
  const shares = [...directions.values()].map((direction) => direction.shares?.get(path));
  if (shares.length > 0 && shares.every((share) => share !== undefined && share < USED_SHARE)) {
    const words = `${path}: MPTCP sends next to nothing over it; see whether it has an endpoint (ip mptcp endpoint) and both ends allow the subflow (ip mptcp limits)`;
    return { action: 'none', reason: 'not_used', words };
  }
  const gaining = [...gains].filter(([, gain]) => gain > 1 + NOTABLE);
  if (gaining.length === 0) {
    const words = `${path}: leave it as it is, MPTCP is not faster than the best path alone`;
    return { action: 'none', reason: 'little_difference', words };
  }
  const words = gaining.map(([direction, gain]) => `${noun(direction)} gain ${percent(gain - 1)} %`).join(' and ');
  return { action: 'none', reason: 'aggregation_helps', words: `${path}: leave it as it is, ${words} by MPTCP` };
}

function judgeBackup({ directions, metered }: Round, path: string, members: readonly string[]): Verdict {
  const isFast = [...directions.values()].every(({ aloneBytesPerSecond, loadedRttSeconds }) => {
    const best = Math.max(...members.map((member) => aloneBytesPerSecond.get(member) ?? 0));
    const rtts = members.map((member) => loadedRttSeconds.get(member)).filter((rtt) => rtt !== undefined);
    const rtt = loadedRttSeconds.get(path);
    const isNear = rtt === undefined || rtts.length === 0 || rtt <= SLOW_RTT * Math.max(...rtts);
    return best > 0 && (aloneBytesPerSecond.get(path) ?? 0) >= FAST_BACKUP * best && isNear;
  });
  if (!isFast || metered.has(path)) return slowBackup(path);
  const words = `${path}: let it carry data too, it is a backup endpoint but about as good as the others; the next rounds show whether it helps`;
  return { action: 'use_for_aggregation', reason: 'fast_backup', words };
}

function slowBackup(path: string): Verdict {
  return { action: 'none', reason: 'backup', words: `${path}: leave it a backup endpoint` };
}

function noun(direction: Direction): string {
  return direction === 'up' ? 'uploads' : 'downloads';
}

function percent(ratio: number): number {
  return Math.round(100 * ratio);
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}
