import type { ErrorCode } from '../errors.ts';
import { asExporterError } from '../errors.ts';
import { type FailureReason, failed, type ProbeFailure } from './probe.ts';

/** What our errors mean to a probe; every other one is a bug of ours. */
const REASONS: Partial<Readonly<Record<ErrorCode, FailureReason>>> = {
  timeout: 'timeout',
  interrupted: 'timeout',
  unreachable: 'unreachable',
  connection_refused: 'refused',
  permission_denied: 'permission_denied',
  not_supported: 'not_supported',
  ffi_unavailable: 'not_supported',
  tool_missing: 'tool_missing',
  tool_failed: 'tool_failed',
  output_too_large: 'tool_failed',
  kernel_refused: 'broken',
  malformed: 'wrong_answer',
  invalid_configuration: 'unauthorised', // a token file that cannot be read, or holds none
  overloaded: 'overloaded',
};

/** Anything thrown in a run as its failure. */
export function failureOf(caught: unknown): ProbeFailure {
  const error = asExporterError(caught);
  return failed(REASONS[error.code] ?? 'internal', error.line);
}
