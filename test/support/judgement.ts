import {
  PATH_STATES,
  type PathHealth,
  type PathState,
  type Reason,
  SUBFLOW_HEALTH_STATES,
} from '../../exporter/src/mptcp/health/states.ts';

const zeroes = <Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;

/** A path's judgement with everything a test does not care about filled in. */
export function judgement(
  state: PathState,
  reasons: readonly Reason[] = [],
  more: Partial<PathHealth> = {},
): PathHealth {
  return {
    state,
    reasons: new Set(reasons),
    sinceSeconds: 0,
    changes: zeroes(PATH_STATES),
    subflows: zeroes(SUBFLOW_HEALTH_STATES),
    ...more,
  };
}
