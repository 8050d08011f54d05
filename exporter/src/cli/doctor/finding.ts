/** What `doctor` found about one thing. */
export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string;
  /** `fail`: MPTCP or its watching does not work as set up. `warn`: it works, but less well than it could. */
  readonly result: 'ok' | 'warn' | 'fail';
  /** One line. */
  readonly message: string;
  /** What to do about it, one line; absent when all is well. */
  readonly remedy?: string;
}

/** Findings about one thing: what is said of it, and what to do. */
export const ok = (check: string, message: string): Finding => ({ check, result: 'ok', message });
export const warn = (check: string, message: string, remedy: string): Finding => ({
  check,
  result: 'warn',
  message,
  remedy,
});
export const fail = (check: string, message: string, remedy: string): Finding => ({
  check,
  result: 'fail',
  message,
  remedy,
});
