import type { ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import { words } from '../panels.ts';
import { from } from '../promql.ts';

const READ = `max by (instance) (${from('mptcp_up')})`;
const SCRAPED = `max by (instance) (${from('up')})`;
const ALIVE = `sum by (instance) (${from('mptcp_path_up')})`;
const ALL = `count by (instance) (${from('mptcp_path_up')})`;
const DEGRADED = `sum by (instance) (${from('mptcp_path_state', 'state="degraded"')})`;

/** Of each chosen machine one number, for {@link VERDICT_WORDS}: the first of these that holds. */
export const VERDICT = [
  `(${SCRAPED} == 0) - 2`,
  `(${READ} == 0) - 1`,
  `(${ALIVE} == 0)`,
  // Of one path there is no redundancy to lose.
  `((${ALIVE} == 1) < ${ALL}) * 0 + 1`,
  `(${ALIVE} < ${ALL}) * 0 + 2`,
  `(${DEGRADED} > 0) * 0 + 3`,
  `${ALL} * 0 + 4`,
].join(' or ');

export const VERDICT_WORDS: ValueMapping = words({
  '-2': ['Not known: exporter not reached', 'red'],
  '-1': ['Not known: kernel not readable', 'red'],
  0: ['No path works', 'dark-red'],
  1: ['One path left', 'orange'],
  2: ['Works, a path is down', 'orange'],
  3: ['Works, a path is degraded', 'yellow'],
  4: ['All right', 'green'],
});
