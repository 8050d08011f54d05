import type { ByteMeter, ProbeFailure } from './probe.ts';

/** What may still be moved on a path, day and month, over restarts. */
export interface Budget {
  /** Bytes, sent and received together; infinite where there is no bound. */
  remaining(path: string): number;
  /** To be waited for before so many bytes are moved. Resolves to undefined, or to why they may not be. */
  reserve(path: string, bytes: number): Promise<ProbeFailure | undefined>;
  /** Takes off what has been moved. */
  spend(path: string, bytes: number): void;
}

/** What probing has moved on a path since the start. */
export interface Spent {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** Paths that are counted; what more there are is counted against the first budget all the same. */
const MOST_PATHS = 512;

/** The account of what probing costs each path, in bytes as far down as IP. */
export class Account {
  readonly #budget: Budget | undefined;
  readonly #spent = new Map<string, { sentBytes: number; receivedBytes: number }>();

  /** Without a budget there is no bound. */
  constructor(budget?: Budget) {
    this.#budget = budget;
  }

  /** By path, since the start. */
  get spent(): ReadonlyMap<string, Spent> {
    return this.#spent;
  }

  /** Bytes that may still be moved on the path. */
  remaining(path: string): number {
    return this.#budget?.remaining(path) ?? Number.POSITIVE_INFINITY;
  }

  /** Asks whether so many bytes may be moved on the path: undefined, or why not. */
  async reserve(path: string, bytes: number): Promise<ProbeFailure | undefined> {
    return this.#budget?.reserve(path, bytes);
  }

  /** A meter for one run. `onExhausted` is called, once, when the path's budget has been used up by then. */
  meter(path: string, onExhausted: () => void): ByteMeter {
    this.#of(path); // shown from now on, so that what the first run moves is an increase
    let told = false;
    const count = (direction: keyof Spent, bytes: number, on: string): void => {
      this.#of(on)[direction] += bytes;
      this.#budget?.spend(on, bytes);
      if (told || this.remaining(on) > 0) return;
      told = true;
      onExhausted();
    };
    const remaining = () => this.remaining(path);
    return {
      sent: (bytes, on = path) => count('sentBytes', bytes, on),
      received: (bytes, on = path) => count('receivedBytes', bytes, on),
      get remaining() {
        return remaining();
      },
    };
  }

  #of(path: string): { sentBytes: number; receivedBytes: number } {
    let spent = this.#spent.get(path);
    if (spent === undefined) {
      spent = { sentBytes: 0, receivedBytes: 0 };
      if (this.#spent.size < MOST_PATHS) this.#spent.set(path, spent);
    }
    return spent;
  }
}
