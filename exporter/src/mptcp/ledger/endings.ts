import type { ByteCounters } from './byte-counters.ts';

/** A socket that has ended, as long as something late may still speak of it. */
export interface Ending {
  readonly cookie: number | undefined;
  /** Both ends as one string; after a disconnect they are lost and this finds nothing. */
  readonly tuple: string;
  readonly seconds: number;
  /** Looks taken into account before it. */
  readonly fold: number;
}

/** The end of a socket that is not known as a subflow. */
export interface SocketEnding extends Ending {
  readonly bytes: ByteCounters;
  readonly disconnected: boolean;
}

/** What the kernel's ways of telling may lag behind each other: a look, an event and a close of the same socket. */
export const LAG_SECONDS = 5;

/** Looks run one at a time: the one under way at an ending may still show the socket, the next one was begun after it. */
export const STALE_LOOKS = 2;

/** A bounded memory of endings in the order in which they came. */
export class Endings<E extends Ending> {
  readonly #limit: number;
  readonly #all = new Set<E>();
  readonly #byCookie = new Map<number, E>();
  readonly #byTuple = new Map<string, E>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): Iterator<E> {
    return this.#all.values();
  }

  /** Adds one; gives back the oldest when that had to go for it. */
  remember(ending: E): E | undefined {
    this.#all.add(ending);
    if (ending.cookie !== undefined) this.#byCookie.set(ending.cookie, ending);
    this.#byTuple.set(ending.tuple, ending);
    if (this.#all.size <= this.#limit) return undefined;
    const [oldest] = this.#all;
    if (oldest !== undefined) this.forget(oldest);
    return oldest;
  }

  byCookie(cookie: number): E | undefined {
    return this.#byCookie.get(cookie);
  }

  /** The latest ending between these ends, unless it is so old that they may belong to another socket by now. */
  byTuple(tuple: string, now: number): E | undefined {
    const ending = this.#byTuple.get(tuple);
    return ending !== undefined && now - ending.seconds <= LAG_SECONDS ? ending : undefined;
  }

  forget(ending: E): void {
    this.#all.delete(ending);
    if (ending.cookie !== undefined && this.#byCookie.get(ending.cookie) === ending)
      this.#byCookie.delete(ending.cookie);
    if (this.#byTuple.get(ending.tuple) === ending) this.#byTuple.delete(ending.tuple);
  }

  /** Forgets what nothing can speak of any more, `fold` being the number of looks so far. */
  expire(now: number, fold: number): void {
    for (const ending of this.#all) {
      if (now - ending.seconds <= LAG_SECONDS || fold - ending.fold < STALE_LOOKS) return;
      this.forget(ending);
    }
  }
}
