import { readdirSync, readFileSync } from 'node:fs';

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

/** Children of a process, those that have ended but were not waited for included. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return /^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1] === String(pid);
      } catch {
        return false; // it has ended meanwhile
      }
    })
    .map(Number);
}
