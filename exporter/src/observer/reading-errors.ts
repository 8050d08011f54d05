import type { ErrorTally } from '../error-tally.ts';
import { ERROR_CODES, type ErrorCode } from '../errors.ts';
import { type Failure, type Outcome, PARTS, type Part, type Reading } from '../mptcp/model.ts';
import type { Source } from '../source/source.ts';

/** A reading that failed as a whole, in each of the parts that were wanted besides sockets and interfaces. */
export function failedReading(
  { name, kernel }: Pick<Source, 'name' | 'kernel'>,
  parts: ReadonlySet<Part>,
  failure: Failure,
): Reading {
  const failed: Outcome<never> = { failure };
  return {
    source: name,
    kernel,
    monotonicSeconds: performance.now() / 1000,
    sockets: failed,
    interfaces: failed,
    ...(parts.has('endpoints') && { endpoints: failed }),
    ...(parts.has('mib') && { mib: failed }),
    ...(parts.has('sysctl') && { sysctl: failed }),
    capabilities: new Map(),
    incidents: [],
  };
}

/** Counts what went wrong in a reading, what was repaired too. */
export function countErrors(reading: Reading, errors: ErrorTally): void {
  for (const { part, code } of reading.incidents) errors.count(part, knownCode(code));
  for (const part of PARTS) {
    const failure = reading[part]?.failure;
    if (failure !== undefined) errors.count(part, knownCode(failure.code));
  }
}

function knownCode(code: string): ErrorCode {
  return ERROR_CODES.find((candidate) => candidate === code) ?? 'internal';
}
