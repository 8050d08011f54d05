import type { PathHealth, PathState, Reason } from '../mptcp/health/states.ts';
import type { JudgedPath } from '../observer/health-watch.ts';
import { clockTime } from './units.ts';

/** How a path is, for people: a sentence, what it means and what to do, and how bad it is. */
export interface PathWords {
  readonly words: string;
  readonly advice?: string;
  readonly condition: Condition;
}

/** `quiet`: there is nothing to be well or unwell. */
export type Condition = 'good' | 'poor' | 'bad' | 'quiet';

const CONDITIONS: Readonly<Record<PathState, Condition>> = {
  up: 'good',
  degraded: 'poor',
  stalled: 'bad',
  down: 'bad',
  missing: 'bad',
  unused: 'quiet',
};

/** Each reason in words. */
export const REASON_WORDS: Readonly<Record<Reason, string>> = {
  carrier_lost: 'no carrier',
  interface_gone: 'its interface is gone',
  address_changed: 'its address is gone',
  no_acknowledgements: 'no acknowledgements',
  no_data_arriving: 'no data arrives',
  probe_failing: 'its probes fail',
  reset_by_peer: 'its subflow was reset',
  join_rejected: 'new subflows are rejected',
  join_unanswered: 'new subflows get no answer',
  endpoint_removed: 'its endpoint was removed',
  high_loss: 'many packets are lost',
  high_rtt: 'round trips take far longer than usual',
  fallback: 'connections fall back to plain TCP',
};

const REASON_ADVICE: Readonly<Record<Reason, string>> = {
  carrier_lost: 'Check the cable, the WiFi or the modem.',
  interface_gone: 'Plug the device in again; if it is gone for good, take it out of the configuration.',
  address_changed:
    'Connections that used the old address cannot use this path; new ones can once an endpoint has the new address.',
  no_acknowledgements:
    'The link looks alive, but what is sent is not confirmed. Restart its modem or router, or ask the provider.',
  no_data_arriving: 'The link looks alive, but nothing comes in. Restart its modem or router, or ask the provider.',
  probe_failing: 'What this exporter sends over it gets no answer.',
  reset_by_peer: 'The other end, or a device in between, ended it.',
  join_rejected: 'One of the ends may allow no more subflows: see ip mptcp limits at both.',
  join_unanswered: 'A firewall on the way may drop the joins of MPTCP (MP_JOIN).',
  endpoint_removed:
    'Add it again, and open connections use the path again: ip mptcp endpoint add ADDRESS dev INTERFACE subflow.',
  high_loss: 'Weak radio or a bad cable loses packets, and so does an overloaded link.',
  high_rtt: 'Packets wait in a queue: something fills the link, or it has become slower.',
  fallback: 'A device on the way removes MPTCP from new connections, so that they use one path only.',
};

const MISSING_ADVICE =
  'Open connections go on without this path, and the kernel does not try again by itself: remove the path’s endpoint and add it again (ip mptcp endpoint), or restart what holds the connections.';

const UNCONFIRMED_ADVICE =
  'Nothing comes in here while the same connection receives elsewhere, and whether the path is dead could not be checked.';

/** Words for a path; `carrier` is that of its interface, `nowSeconds` Unix time. Without a judgement they say that. */
export function pathWords(judged: JudgedPath | undefined, carrier: boolean | undefined, nowSeconds: number): PathWords {
  if (judged === undefined)
    return { words: carrier === false ? 'Not known: no carrier' : 'Not known', condition: 'quiet' };
  const { state, reasons, subflows } = judged.judgement;
  const condition = CONDITIONS[state];
  const since = `since ${clockTime(judged.changedAtSeconds, nowSeconds)}`;
  if (state === 'up') return { words: `Up ${since}, ${activity(subflows)}`, condition };
  if (state === 'unused') return { words: `Not used ${since}${carrier === false ? ', no carrier' : ''}`, condition };
  const why = [...reasons].map((reason) => REASON_WORDS[reason]).join(', ');
  const advice = [...reasons].map((reason) => {
    return state === 'degraded' && reason === 'no_data_arriving' ? UNCONFIRMED_ADVICE : REASON_ADVICE[reason];
  });
  if (state === 'missing' && !reasons.has('endpoint_removed')) advice.push(MISSING_ADVICE);
  return { words: `${capital(state)} ${since}${why === '' ? '' : `: ${why}`}`, advice: advice.join(' '), condition };
}

/** The end of the headline: whether all is well, or who is in trouble. Empty when no path is in use. */
export function verdict(paths: readonly { readonly name: string; readonly state: PathState }[]): string {
  const troubled = paths.filter(({ state }) => isTrouble(state));
  const [first, second] = troubled;
  if (first === undefined) return paths.some(({ state }) => state === 'up') ? ', all well' : '';
  if (second === undefined) return `, but ${first.name} is ${first.state}`;
  if (troubled.length === 2) return `, but ${first.name} is ${first.state} and ${second.name} ${second.state}`;
  return `, but ${troubled.length} paths are in trouble`;
}

/** Whether a path in that state wants somebody's attention. */
export function isTrouble(state: PathState): boolean {
  return CONDITIONS[state] === 'poor' || CONDITIONS[state] === 'bad';
}

function activity(subflows: PathHealth['subflows']): string {
  if (subflows.active > 0) return 'carrying traffic';
  if (subflows.idle + subflows.silent + subflows.stalled > 0) return 'idle';
  if (subflows.backup > 0) return 'standing by as a backup';
  return subflows.closing > 0 ? 'closing' : 'without a subflow at the moment';
}

const capital = (word: string): string => `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
