import type { Mib, PathManager, PathManagerEvent } from '../model.ts';
import type { Loss } from './connection-watch.ts';
import { REFUSED } from './joins.ts';
import type { Reason } from './states.ts';
import type { SubflowWatch } from './subflow-watch.ts';

/** Closes told by the kernel are kept this long and this many, to be found by the look that misses the subflow. */
const KEPT_SECONDS = 10;
const KEPT_CLOSES = 256;

/** Counters are read less often than sockets: a growth seen so much earlier or later still belongs to it. */
const COUNTER_SLACK_SECONDS = 6;

/** Counters (net/mptcp/mib.h) that grow when a join fails otherwise than by silence, and when addresses are withdrawn. */
const REJECTING = ['MPJoinRejected', 'MPJoinSynAckHMacFailure', 'MPJoinSynTxConnectErr', 'MPJoinSynTxBindErr'];
const WITHDRAWING = ['RmSubflow', 'RmAddr'];

/** Every join this machine has begun. */
const JOINS = 'MPJoinSynTx';

/** What the kernel's events and counters say about why subflows are not there. */
export class Causes {
  #closes: { readonly at: number; readonly event: PathManagerEvent }[] = [];
  #mib: Mib | undefined;
  readonly #grewAt = new Map<string, number>();
  #endpoints: PathManager | undefined;

  /** Takes what one look brought. */
  learn(
    events: readonly PathManagerEvent[],
    mib: Mib | undefined,
    endpoints: PathManager | undefined,
    now: number,
  ): void {
    this.#endpoints = endpoints;
    for (const event of events) if (event.name === 'subflow_closed') this.#closes.push({ at: now, event });
    if (this.#closes.length > 0)
      this.#closes = this.#closes.filter(({ at }) => now - at <= KEPT_SECONDS).slice(-KEPT_CLOSES);
    if (mib === undefined || mib === this.#mib) return;
    for (const name of [...REJECTING, ...WITHDRAWING]) {
      if ((mib.get(name) ?? 0) > (this.#mib?.get(name) ?? Number.POSITIVE_INFINITY)) this.#grewAt.set(name, now);
    }
    this.#mib = mib;
  }

  /** Joins begun on this machine so far; `undefined` where the kernel does not count them. */
  get joins(): number | undefined {
    return this.#mib?.get(JOINS);
  }

  /** Why a subflow closed while its connection went on; kept in the loss once that is certain. */
  ofLoss(loss: Loss, now: number): Reason {
    if (loss.reason !== undefined) return loss.reason;
    const { subflow, at } = loss;
    const close = this.#closes.find(({ event }) => isOf(event, subflow))?.event;
    const reason = close === undefined ? this.#guess(subflow, at) : closeReason(close);
    if (close !== undefined || now - at > KEPT_SECONDS) loss.reason = reason;
    return reason;
  }

  /** Why a join since that time failed which failed as if for this reason: counters tell of rejections that nothing else shows. */
  ofJoin(reason: Reason, since: number): Reason {
    return this.#grew(REJECTING, since) ? 'join_rejected' : reason;
  }

  #guess({ subflow, stalledSince }: SubflowWatch, at: number): Reason {
    const { localId = 0, local } = subflow.socket;
    // The initial subflow needs no endpoint.
    const withdrawn =
      localId !== 0 &&
      this.#endpoints?.endpoints.every(({ id, address }) => id !== localId && address !== local.address);
    if (withdrawn === true || this.#grew(WITHDRAWING, at)) return 'endpoint_removed';
    return stalledSince === undefined ? 'reset_by_peer' : 'no_acknowledgements';
  }

  #grew(names: readonly string[], since: number): boolean {
    return names.some((name) => (this.#grewAt.get(name) ?? Number.NEGATIVE_INFINITY) >= since - COUNTER_SLACK_SECONDS);
  }
}

function closeReason({ error, resetReason }: PathManagerEvent): Reason {
  if (resetReason !== undefined || (error !== undefined && REFUSED.has(error))) return 'reset_by_peer';
  // Without an error it was closed on purpose, which is what withdrawing an address does.
  return error === undefined || error === 0 ? 'endpoint_removed' : 'no_acknowledgements';
}

function isOf({ token, local, remote }: PathManagerEvent, { subflow }: SubflowWatch): boolean {
  const { socket } = subflow;
  return (
    (token === undefined || socket.token === undefined || token === socket.token) &&
    local?.address === socket.local.address &&
    (local.port === 0 || local.port === socket.local.port) &&
    (remote === undefined || remote.address === socket.remote.address)
  );
}
