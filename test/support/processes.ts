import { readFileSync } from 'node:fs';

/** Those of the processes that still run; an orphan that nobody has waited for yet does not. */
export const running = (pids: readonly number[]): number[] => pids.filter(isRunning);

function isRunning(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    // It is gone.
    return false;
  }
}
