import type { Connection } from '../model.ts';
import type { PathWatch } from './path-watch.ts';
import type { Reason } from './states.ts';
import type { Moment, SubflowWatch } from './subflow-watch.ts';

/** Another subflow received within this long: the connection goes on receiving. */
const LATELY_SECONDS = 2;

/** A subflow that closed alone counts as lost after this long: sockets of a connection that ends do not go all at once. */
const LOST_SECONDS = 0.3;

/** A subflow that closed while its connection went on. */
export interface Loss {
  readonly path: PathWatch;
  readonly at: number;
  /** Absent while nothing tells. */
  reason: Reason | undefined;
  readonly subflow: SubflowWatch;
}

/** A join from a path that did not come about. */
interface FailedJoin {
  readonly path: PathWatch;
  readonly at: number;
  readonly reason: Reason;
}

/** One connection over time. */
export class ConnectionWatch {
  readonly members: SubflowWatch[] = [];
  #losses: readonly Loss[] = [];
  #failedJoins: readonly FailedJoin[] = [];
  readonly firstSeen: number;
  /** Joins attempted on this machine before the connection was seen; `undefined` where the kernel does not count them. */
  readonly joinsBefore: number | undefined;
  look = 0;
  /** The other end has an IPv6 address. */
  readonly v6: boolean;
  /** A probe of ours. */
  readonly own: boolean;
  /** An established MPTCP connection of the user's, not a fallen-back or ending one. */
  sound = false;
  /** Its peer has been noted. */
  known = false;
  /** When it was first seen fallen back although it should be MPTCP. */
  fellBackAt: number | undefined;
  #wasMptcp = false;

  constructor({ socket, own }: Connection, now: number, joinsBefore: number | undefined) {
    this.own = own;
    this.v6 = socket.remote.address.includes(':');
    this.firstSeen = now;
    this.joinsBefore = joinsBefore;
  }

  /** Speaks MPTCP, as its peer then does. */
  get speaksMptcp(): boolean {
    return this.#wasMptcp;
  }

  /** Takes the connection of this look with its subflows, which have been observed. */
  observe(connection: Connection, watches: readonly SubflowWatch[], moment: Moment): void {
    const { look, now } = moment;
    this.look = look;
    const { state, fallback, remoteKeyReceived } = connection.socket;
    this.sound = !this.own && state === 'established' && fallback !== true;
    if (fallback !== true) this.fellBackAt = undefined;
    else if (this.#wasMptcp) this.fellBackAt ??= now;
    this.#wasMptcp ||= this.sound && fallback === false && remoteKeyReceived !== false;
    this.members.length = 0;
    let bytes = 0;
    let receiving: SubflowWatch | undefined;
    let receivers = 0;
    for (const index of connection.subflows) {
      const watch = watches[index];
      if (watch === undefined) continue;
      watch.owner = this;
      this.members.push(watch);
      bytes += watch.receivedBytes;
      if (watch.receivedWithin(LATELY_SECONDS, now)) {
        receiving = watch;
        receivers++;
      }
    }
    for (const watch of this.members) if (!watch.open) this.lose(watch, now);
    if (this.members.length < 2) return;
    for (const watch of this.members) {
      const othersReceive = receivers > 1 || (receivers === 1 && receiving !== watch);
      watch.judgeSilence(bytes, othersReceive, moment);
    }
  }

  /** Whether one of its established subflows is on the path. */
  isOn(path: PathWatch): boolean {
    return this.members.some((watch) => watch.open && watch.path === path);
  }

  /** Notes that a subflow which this end had opened closed while the connection goes on without another on that path. */
  lose(subflow: SubflowWatch, at: number): void {
    const { path, wasOpen, openedHere } = subflow;
    if (!this.sound || !wasOpen || openedHere === false || this.isOn(path) || this.lost(path)) return;
    this.#losses = [...this.#losses, { path, at, subflow, reason: undefined }];
  }

  /** Whether it lost its subflow on the path and has not got another. */
  lost(path: PathWatch): boolean {
    return this.#losses.some((loss) => loss.path === path);
  }

  /** Drops losses that were made good; gives those that count. */
  standingLosses(now: number): readonly Loss[] {
    if (this.#losses.length === 0) return this.#losses;
    this.#losses = this.#losses.filter(({ path }) => !this.isOn(path));
    return this.#losses.filter(({ at }) => now - at >= LOST_SECONDS);
  }

  /** Notes that a join from the path failed. */
  failJoin(path: PathWatch, at: number, reason: Reason): void {
    this.#failedJoins = [...this.#failedJoins.filter((one) => one.path !== path), { path, at, reason }];
  }

  /** Why the last join from the path failed, once that counts; a path that it is on has no failure left. */
  joinFailure(path: PathWatch, now: number): Reason | undefined {
    const failed = this.#failedJoins.find((one) => one.path === path);
    return failed !== undefined && now - failed.at >= LOST_SECONDS ? failed.reason : undefined;
  }

  /** A join from the path came about after all. */
  forgetFailure(path: PathWatch): void {
    if (this.#failedJoins.length > 0) this.#failedJoins = this.#failedJoins.filter((one) => one.path !== path);
  }

  /** When the next of its losses and failed joins will count; infinity without one that does not yet. */
  countsAt(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const list of [this.#losses, this.#failedJoins]) {
      for (const { at } of list) if (now - at < LOST_SECONDS) next = Math.min(next, at + LOST_SECONDS);
    }
    return next;
  }

  /** When it began, after `since`, to move on another path than this, if it does; never earlier than `since`. */
  movedElsewhere(path: PathWatch, since: number): number | undefined {
    let earliest: number | undefined;
    for (const { path: other, movingSince, progressed, lifeAt } of this.members) {
      if (other === path || !progressed || movingSince === undefined || lifeAt < since) continue;
      const moved = Math.max(since, movingSince);
      earliest = earliest === undefined ? moved : Math.min(earliest, moved);
    }
    return earliest;
  }
}
