import { oneLine } from '../config/words.ts';
import { type FailureReason, failed, type ProbeFailure } from './probe.ts';

/** What is read of what curl writes with `--write-out %{json}` (curl 7.70 and later). */
export interface CurlReport {
  readonly exitCode: number;
  /** What curl says of it, empty when all went well. */
  readonly error: string;
  /** Of HTTP, or the last reply of an FTP server; 0 without one. */
  readonly status: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** From the start to the end. */
  readonly seconds: number;
}

/** Reads curl's report; undefined when it is none. */
export function curlReport(text: string): CurlReport | undefined {
  let report: Readonly<Record<string, unknown>>;
  try {
    report = JSON.parse(text) as typeof report;
  } catch {
    return undefined;
  }
  const number = (name: string): number => (typeof report[name] === 'number' ? report[name] : Number.NaN);
  const found: CurlReport = {
    exitCode: number('exitcode'),
    error: typeof report.errormsg === 'string' ? report.errormsg : '',
    status: number('response_code'),
    sentBytes: number('size_upload'),
    receivedBytes: number('size_download'),
    seconds: number('time_total'),
  };
  const { error: _, exitCode: __, ...numbers } = found;
  return Object.values(numbers).every(Number.isFinite) ? found : undefined;
}

/** What curl's exit codes mean (curl(1), EXIT CODES). */
const BY_EXIT: ReadonlyMap<number, FailureReason> = new Map([
  [1, 'wrong_answer'], // not the protocol that was asked for
  [5, 'unresolvable'],
  [6, 'unresolvable'],
  [7, 'refused'],
  [8, 'wrong_answer'],
  [9, 'unauthorised'],
  [18, 'broken'],
  [25, 'unauthorised'],
  [28, 'timeout'],
  [45, 'no_interface'],
  [52, 'broken'],
  [55, 'broken'],
  [56, 'broken'],
  [67, 'unauthorised'],
  [78, 'wrong_answer'],
]);

/** What HTTP statuses mean: those that a reflector answers with. */
const BY_STATUS: ReadonlyMap<number, FailureReason> = new Map([
  [401, 'unauthorised'],
  [403, 'unauthorised'],
  [429, 'busy'],
  [503, 'busy'],
]);

/** FTP's replies that say that the server has no place for us now (RFC 959 section 4.2.1). */
const FTP_BUSY = [421, 450, 425];

/** Why a transfer failed, undefined when it did not. */
export function curlFailure({ exitCode, error, status }: CurlReport): ProbeFailure | undefined {
  const said = oneLine(error).slice(0, 200);
  if (exitCode === 0 || Number.isNaN(exitCode)) {
    if (status < 400) return undefined;
    return failed(BY_STATUS.get(status) ?? 'wrong_answer', `the target answered by status ${status}`);
  }
  if (exitCode === 28 && /too slow|Operation too slow/i.test(error)) return failed('stalled', `curl says: ${said}`);
  if (exitCode === 7 && /unreachable|No route/i.test(error)) return failed('unreachable', `curl says: ${said}`);
  if (FTP_BUSY.includes(status) && exitCode !== 28) return failed('busy', `curl says: ${said}, FTP reply ${status}`);
  return failed(BY_EXIT.get(exitCode) ?? 'tool_failed', `curl says: ${said} (exit code ${exitCode})`);
}
