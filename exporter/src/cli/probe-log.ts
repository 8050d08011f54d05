import type { ProbeSettings } from '../config/probes/settings.ts';
import type { ProbeResult } from '../probe/probe.ts';
import type { HealthLog } from './health-log.ts';

/** Probes and paths that are told apart; of more, those not heard of for longest are forgotten. */
const MOST = 2048;

/**
 * Logs when a probe begins to fail on a path, fails for another reason, or works again: a line for each change, none for each
 * run. The first success is not news.
 */
export function probeLog(
  log: HealthLog,
): (settings: ProbeSettings, path: string, result: ProbeResult<unknown>) => void {
  /** Reason by probe and path; empty while it works. */
  const standing = new Map<string, string>();
  return ({ type: probe, target: { text: target } }, path, result) => {
    const key = JSON.stringify([probe, path, target]);
    const before = standing.get(key);
    const now = result.ok ? '' : result.reason;
    standing.delete(key);
    standing.set(key, now);
    const [oldest] = standing.keys();
    if (standing.size > MOST && oldest !== undefined) standing.delete(oldest);
    if (now === (before ?? '')) return;
    if (result.ok) log.info({ probe, path, target }, `probe ${probe} to ${target} works again on path ${path}`);
    else {
      const { reason, message } = result;
      log.warn({ probe, path, target, reason }, `probe ${probe} to ${target} fails on path ${path}: ${message}`);
    }
  };
}
