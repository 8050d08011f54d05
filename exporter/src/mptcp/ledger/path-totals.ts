import { UNKNOWN_PATH } from '../path-rules.ts';
import type { ByteTotals } from './byte-counters.ts';

/**
 * How a subflow ended: with its connection, alone while the connection went on, or reset by either end or refused, which
 * only an event of the path manager tells.
 */
export const CLOSE_REASONS = ['connection_closed', 'subflow_closed', 'reset'] as const;

/** One of {@link CLOSE_REASONS}. */
export type CloseReason = (typeof CLOSE_REASONS)[number];

/** What a path has carried since the ledger was opened; every number only grows. */
export interface PathTotals extends Readonly<ByteTotals> {
  readonly subflowsEstablished: number;
  /** Counted once a look tells whether the connection went on: up to two looks after the close. */
  readonly subflowsClosed: Readonly<Record<CloseReason, number>>;
  /** Closes whose last bytes could not be learnt: with polling alone, every close. */
  readonly unaccountedCloses: number;
}

/** {@link PathTotals} while they grow. */
export interface GrowingTotals extends ByteTotals {
  subflowsEstablished: number;
  readonly subflowsClosed: Record<CloseReason, number>;
  unaccountedCloses: number;
}

/** Names of paths beyond this many are counted under {@link UNKNOWN_PATH}: container hosts make interfaces by the thousand. */
const PATH_LIMIT = 512;

/** The totals of every path, in the order in which the paths were first seen. */
export class PathBook {
  readonly #paths = new Map<string, GrowingTotals>();

  /** All of them by name. */
  get all(): ReadonlyMap<string, PathTotals> {
    return this.#paths;
  }

  /** Those of one path, begun at nothing when it is new. */
  of(path: string): GrowingTotals {
    const name = this.#paths.has(path) || this.#paths.size < PATH_LIMIT ? path : UNKNOWN_PATH;
    let totals = this.#paths.get(name);
    if (totals === undefined) {
      totals = {
        subflowsEstablished: 0,
        subflowsClosed: { connection_closed: 0, subflow_closed: 0, reset: 0 },
        unaccountedCloses: 0,
      };
      this.#paths.set(name, totals);
    }
    return totals;
  }
}
