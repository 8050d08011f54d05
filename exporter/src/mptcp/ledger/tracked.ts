import { isSameAddress } from '../four-tuple.ts';
import type { SocketAddress } from '../model.ts';
import type { ByteCounters } from './byte-counters.ts';
import type { SocketEnding } from './endings.ts';
import type { CloseReason } from './path-totals.ts';
import type { RateState } from './rates.ts';

/** One subflow that is thought open, with its last known counters. */
export interface TrackedSubflow extends ByteCounters, RateState {
  /** Identity in the looks; undefined while only an event has told of it. */
  key: string | number | undefined;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** Both of the above as one string. */
  readonly tuple: string;
  readonly token: number | undefined;
  /** Key of its connection; undefined until a look has joined the two. */
  connection: string | number | undefined;
  path: string;
  /** Set when an event has said how it ended. */
  toldReason: CloseReason | undefined;
  /** A socket between the same ends had closed before an event told of this subflow: itself, or the one before it. */
  earlierEnding: SocketEnding | undefined;
  readonly sinceSeconds: number;
  /** The last look that showed it. */
  fold: number;
  /** When a look first failed to show it. */
  missingSeconds: number | undefined;
}

/** Whether two tokens can be of one connection; one that is not known contradicts nothing. */
export function isSameToken(one: number | undefined, other: number | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}

/** Whether a socket is this subflow still, and not the same socket connected anew. */
export function isSameSubflow(
  tracked: TrackedSubflow,
  socket: { readonly local: SocketAddress; readonly remote: SocketAddress; readonly token?: number | undefined },
): boolean {
  return (
    isSameAddress(tracked.local, socket.local) &&
    isSameAddress(tracked.remote, socket.remote) &&
    isSameToken(tracked.token, socket.token)
  );
}

/** The subflows thought open, to be found by key (what looks show) and by both ends (what events tell). */
export class TrackedSubflows {
  readonly #all = new Set<TrackedSubflow>();
  readonly #unseen = new Set<TrackedSubflow>();
  readonly #byKey = new Map<string | number, TrackedSubflow>();
  readonly #byTuple = new Map<string, TrackedSubflow>();

  get size(): number {
    return this.#all.size;
  }

  /** Those that no look has shown yet, the oldest first. */
  get unseen(): ReadonlySet<TrackedSubflow> {
    return this.#unseen;
  }

  [Symbol.iterator](): Iterator<TrackedSubflow> {
    return this.#all.values();
  }

  byKey(key: string | number): TrackedSubflow | undefined {
    return this.#byKey.get(key);
  }

  /** The latest subflow between these ends. */
  byTuple(tuple: string): TrackedSubflow | undefined {
    return this.#byTuple.get(tuple);
  }

  add(subflow: TrackedSubflow): void {
    this.#all.add(subflow);
    this.#byTuple.set(subflow.tuple, subflow);
    if (subflow.key === undefined) this.#unseen.add(subflow);
    else this.#byKey.set(subflow.key, subflow);
  }

  /** A look has shown the subflow under this key. */
  identify(subflow: TrackedSubflow, key: string | number): void {
    subflow.key = key;
    this.#unseen.delete(subflow);
    this.#byKey.set(key, subflow);
  }

  remove(subflow: TrackedSubflow): void {
    const { key, tuple } = subflow;
    this.#all.delete(subflow);
    this.#unseen.delete(subflow);
    if (key !== undefined && this.#byKey.get(key) === subflow) this.#byKey.delete(key);
    if (this.#byTuple.get(tuple) === subflow) this.#byTuple.delete(tuple);
  }
}
