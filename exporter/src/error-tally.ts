import type { ErrorCode } from './errors.ts';

/** Where an error came from: a part of the reading, or a piece of the exporter; the `collector` label of its counter. */
export type ErrorOrigin =
  | 'sockets'
  | 'interfaces'
  | 'endpoints'
  | 'mib'
  | 'sysctl'
  | 'health'
  | 'facts'
  | 'probes'
  | 'http'
  | 'metrics';

/** Counts what went wrong since the start, for `mptcp_exporter_errors_total`; bounded by its two closed sets. */
export class ErrorTally {
  readonly #counts = new Map<ErrorOrigin, Map<ErrorCode, number>>();

  /** Counts one error. */
  count(origin: ErrorOrigin, code: ErrorCode): void {
    const reasons = this.#counts.get(origin) ?? new Map<ErrorCode, number>();
    reasons.set(code, (reasons.get(code) ?? 0) + 1);
    this.#counts.set(origin, reasons);
  }

  /** Every pair counted so far. */
  *entries(): Generator<{ readonly origin: ErrorOrigin; readonly code: ErrorCode; readonly count: number }> {
    for (const [origin, reasons] of this.#counts) {
      for (const [code, count] of reasons) yield { origin, code, count };
    }
  }
}
