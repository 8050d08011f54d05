import type { Snapshot } from '../model.ts';
import type { Causes } from './causes.ts';
import type { ConnectionWatch } from './connection-watch.ts';
import type { PathWatch } from './path-watch.ts';
import type { Reason } from './states.ts';
import type { Moment, SubflowWatch } from './subflow-watch.ts';

/** A subflow that every connection which this end began should have: the in-kernel path manager joins from each such endpoint. */
export interface Expectation {
  readonly path: PathWatch;
  readonly v6: boolean;
}

/** What the endpoints of a look let expect, and the most additional subflows of a connection. */
export interface Expectations {
  readonly list: readonly Expectation[];
  readonly limit: number;
}

const NONE: Expectations = { list: [], limit: 0 };

/** What the presence of connections lets expect of the next looks. */
export interface Outlook {
  /** Whether fresh endpoints and counters would tell, before long, if a connection lacks a subflow. */
  unsettled: boolean;
  /** When a subflow that is gone, or did not come about, will count. */
  ripensAt: number;
}

/** Reads the expectations off the endpoints with the `subflow` flag, backups too. None where a program manages the paths. */
export function expectationsOf(snapshot: Snapshot, watchOf: (path: string) => PathWatch | undefined): Expectations {
  const { endpoints, sysctl, paths } = snapshot;
  const manager = sysctl?.value;
  if (endpoints?.value === undefined || manager?.pathManager === 'userspace' || manager?.numeric.get('pm_type') === 1)
    return NONE;
  const list: Expectation[] = [];
  for (const { id, address, flags } of endpoints.value.endpoints) {
    if (!flags.includes('subflow')) continue;
    const names = paths.filter(({ endpointIds }) => endpointIds.includes(id));
    const path = names.length === 1 && names[0] !== undefined ? watchOf(names[0].name) : undefined;
    const v6 = address.includes(':');
    if (path !== undefined && !list.some((one) => one.path === path && one.v6 === v6)) list.push({ path, v6 });
  }
  return { list, limit: endpoints.value.limits?.subflows ?? Number.POSITIVE_INFINITY };
}

/**
 * Counts an established MPTCP connection on the paths where it has a subflow of its own making, and on those where it should
 * have one, and adds to the outlook.
 */
export function countPresence(
  connection: ConnectionWatch,
  { list, limit }: Expectations,
  causes: Causes,
  outlook: Outlook,
  { now, settings }: Moment,
): void {
  const { firstSeen, sound } = connection;
  if (!sound || countServed(connection.members) === 0) return;
  outlook.ripensAt = Math.min(outlook.ripensAt, connection.countsAt(now));
  for (const loss of connection.standingLosses(now)) countLacking(loss.path, causes.ofLoss(loss, now));
  const mature = now - firstSeen >= settings.missingSeconds;
  for (const { path, v6 } of list) {
    if (v6 !== connection.v6) continue;
    if (connection.isOn(path)) {
      connection.forgetFailure(path);
      continue;
    }
    if (connection.lost(path) || !began(connection)) continue;
    const failure = connection.joinFailure(path, now);
    const reason = failure === undefined && mature ? whyAbsent(connection, limit, causes) : failure;
    if (reason !== undefined) countLacking(path, causes.ofJoin(reason, firstSeen));
    else outlook.unsettled ||= !mature;
  }
}

function countLacking({ tally }: PathWatch, reason: Reason): void {
  tally.lacking++;
  tally.lackingReasons.add(reason);
}

/** Counts each path once that has an open subflow which this end made, or may have made; gives how many are open at all. */
function countServed(members: readonly SubflowWatch[]): number {
  let open = 0;
  for (let index = 0; index < members.length; index++) {
    const watch = members[index];
    if (watch === undefined || !watch.open) continue;
    open++;
    if (watch.openedHere !== false && !isOnBefore(members, index, watch.path)) watch.path.tally.served++;
  }
  return open;
}

function isOnBefore(members: readonly SubflowWatch[], end: number, path: PathWatch): boolean {
  for (let index = 0; index < end; index++) {
    const watch = members[index];
    if (watch?.open === true && watch.openedHere !== false && watch.path === path) return true;
  }
  return false;
}

const began = ({ members }: ConnectionWatch): boolean => members.some(({ openedHere }) => openedHere === true);

/**
 * Why a connection that this end began has no subflow where one is expected, when no join is known to have failed. Nothing
 * when none has been tried as far as can be told: a server may forbid joins to its first address (RFC 8684, flag C).
 */
function whyAbsent({ members, joinsBefore }: ConnectionWatch, limit: number, { joins }: Causes): Reason | undefined {
  let open = 0;
  for (const watch of members) if (watch.open) open++;
  if (open - 1 >= limit) return 'join_rejected';
  const tried = joins === undefined || joinsBefore === undefined || joins > joinsBefore || open < members.length;
  return tried ? 'join_unanswered' : undefined;
}
