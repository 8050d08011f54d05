import type { Checks } from './checks.ts';
import type { ProbeEvidence } from './states.ts';

/** What was under way when the first probe was sent may still be heard of for so long. */
const TRANSIT_SECONDS = 1;

/**
 * Whether failing probes tell that a path is dead. They do not while anything else got through since they began to fail: data
 * or acknowledgements of a connection, or the answer to a check. Then it is the probe that something on the way does not let pass.
 */
export function probesTell(
  evidence: ProbeEvidence | undefined,
  { lifeAt, checks }: { readonly lifeAt: number; readonly checks: Checks },
  now: number,
): boolean {
  if (evidence === undefined) return false;
  const { failingSinceSeconds } = evidence;
  // As long again, in which what still gets through would have shown.
  if (now - failingSinceSeconds < 2 * TRANSIT_SECONDS) return false;
  return lifeAt <= failingSinceSeconds + TRANSIT_SECONDS && checks.since(failingSinceSeconds) !== 'alive';
}
