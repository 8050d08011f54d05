import type { ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import type { PathState, Reason } from '../../exporter/src/mptcp/health/states.ts';
import { words } from './panels.ts';
import { onPath } from './promql.ts';

type Meaning = readonly [code: number, text: string, colour: string];

/** Numbers stand for states because a timeline or a cell shows the value of a series, not its labels; the worst is highest. */
const STATES: Readonly<Record<PathState, Meaning>> = {
  unused: [1, 'Unused', 'blue'],
  up: [2, 'Up', 'green'],
  degraded: [3, 'Degraded', 'yellow'],
  missing: [4, 'Missing', 'orange'],
  stalled: [5, 'Stalled', 'red'],
  down: [6, 'Down', 'dark-red'],
};

/** Where several stand at once, the one with the highest number shows: the one nearest to the cause. */
const REASONS: Readonly<Record<Reason, Meaning>> = {
  high_rtt: [1, 'High RTT', 'light-yellow'],
  high_loss: [2, 'High loss', 'yellow'],
  fallback: [3, 'Fallback to TCP', 'semi-dark-yellow'],
  probe_failing: [4, 'Probe failing', 'light-orange'],
  join_unanswered: [5, 'Join unanswered', 'orange'],
  join_rejected: [6, 'Join rejected', 'semi-dark-orange'],
  reset_by_peer: [7, 'Reset by peer', 'dark-orange'],
  endpoint_removed: [8, 'Endpoint removed', 'purple'],
  no_data_arriving: [9, 'No data arriving', 'light-red'],
  no_acknowledgements: [10, 'No acknowledgements', 'red'],
  address_changed: [11, 'Address changed', 'semi-dark-red'],
  interface_gone: [12, 'Interface gone', 'semi-dark-red'],
  carrier_lost: [13, 'Carrier lost', 'dark-red'],
};

/** The state of each chosen path as a number, for {@link STATE_WORDS}. */
export const STATE = `sum by (instance, path) (${coded('mptcp_path_state', 'state', STATES)})`;
export const STATE_WORDS: ValueMapping = meanings(STATES);

/** The weightiest reason why each chosen path is not well as a number, for {@link REASON_WORDS}; 0 while there is none. */
export const REASON = `max by (instance, path) (${coded('mptcp_path_state_reason', 'reason', REASONS)})`;
export const REASON_WORDS: ValueMapping = meanings(REASONS, { 0: ['–', 'text'] });

/** Each series of an enumeration times the number of its `label`: 0 where it does not stand. */
function coded(metric: string, label: string, codes: Readonly<Record<string, Meaning>>): string {
  return Object.entries(codes)
    .map(([value, [code]]) => `${onPath(metric, `${label}="${value}"`)} * ${code}`)
    .join(' or ');
}

function meanings(
  codes: Readonly<Record<string, Meaning>>,
  more: Readonly<Record<string, readonly [string, string]>> = {},
): ValueMapping {
  return words({
    ...more,
    ...Object.fromEntries(Object.values(codes).map(([code, text, colour]) => [code, [text, colour]])),
  });
}
