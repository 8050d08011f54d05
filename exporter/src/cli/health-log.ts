import type { ExporterError } from '../errors.ts';
import type { PathState } from '../mptcp/health/states.ts';
import type { PathChange } from '../observer/health-watch.ts';

/** What the log of health writes to. */
export interface HealthLog {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** Changes logged in a minute; a link that flaps must not fill the disk. */
const MOST_A_MINUTE = 30;

const TROUBLE: ReadonlySet<PathState> = new Set(['degraded', 'stalled', 'down', 'missing']);

/**
 * Logs each change of a path: trouble as a warning, its end as information, the rest (used or not used) for debugging.
 * `now`: seconds of a monotonic clock.
 */
export function pathLog(log: HealthLog, now = () => performance.now() / 1000): (change: PathChange) => void {
  let minute = Number.NEGATIVE_INFINITY;
  let logged = 0;
  let left = 0;
  return ({ path, from, to, reasons }) => {
    const level = TROUBLE.has(to) ? 'warn' : from !== undefined && TROUBLE.has(from) ? 'info' : 'debug';
    if (level !== 'debug') {
      if (now() - minute >= 60) {
        if (left > 0)
          log.warn({ changes: left }, 'more path changes than are logged; mptcp_path_state_changes_total has all');
        [minute, logged, left] = [now(), 0, 0];
      }
      if (logged >= MOST_A_MINUTE) {
        left++;
        return;
      }
      logged++;
    }
    const details = {
      path,
      ...(from !== undefined && { from }),
      to,
      ...(reasons.size > 0 && { reasons: [...reasons].join() }),
    };
    log[level](details, `path ${path} is ${to}`);
  };
}

/** What the check log is told. */
export interface CheckLog {
  /** A check of the path could not be made. */
  failed(error: ExporterError, path: string): void;
  /** One could. */
  made(path: string): void;
}

/** Logs the first check of a path that cannot be made, and the first that can be again; at most one entry a checked path. */
export function checkLog(log: HealthLog): CheckLog {
  const standing = new Map<string, string>();
  return {
    failed: ({ code, line }, path) => {
      if (standing.get(path) === code) return;
      standing.set(path, code);
      log.warn({ path, code }, `path ${path} cannot be checked: ${line}`);
    },
    made: (path) => {
      if (standing.delete(path)) log.info({ path }, `path ${path} can be checked again`);
    },
  };
}
