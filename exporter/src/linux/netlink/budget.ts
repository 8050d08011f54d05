import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { ExporterError } from '../../errors.ts';

/** Longest stretch of work before timers and other requests get their turn. */
const SLICE_MILLISECONDS = 10;
const LONGEST_WAIT_MILLISECONDS = 20;

/** Bounds of one dump, its repetitions included. */
export interface Limits {
  readonly milliseconds: number;
  readonly bytes: number;
}

/** Keeps one dump within its limits, and the event loop alive meanwhile. */
export class Budget {
  readonly #doing: string;
  readonly #deadline: number;
  #bytesLeft: number;
  #sliceEnd: number;
  #wait = 1;

  /** `doing` completes "cannot …" in errors. */
  constructor({ milliseconds, bytes }: Limits, doing: string) {
    const now = performance.now();
    this.#doing = doing;
    this.#deadline = now + milliseconds;
    this.#sliceEnd = now + SLICE_MILLISECONDS;
    this.#bytesLeft = bytes;
  }

  /** Accounts for bytes read and lets others work after each slice. Throws `output_too_large` or `timeout`. */
  async spend(bytes: number): Promise<void> {
    this.#wait = 1;
    this.#bytesLeft -= bytes;
    if (this.#bytesLeft < 0) {
      throw new ExporterError('output_too_large', `cannot ${this.#doing}: the kernel's answer does not end`);
    }
    if (performance.now() < this.#sliceEnd) return;
    await nextTurn();
    this.#startSlice();
  }

  /** Waits a moment for bytes to arrive, longer each time in a row. Throws `timeout`. */
  async pause(): Promise<void> {
    await sleep(this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MILLISECONDS);
    this.#startSlice();
  }

  #startSlice(): void {
    const now = performance.now();
    if (now > this.#deadline) {
      throw new ExporterError('timeout', `cannot ${this.#doing}: the kernel did not answer in time`);
    }
    this.#sliceEnd = now + SLICE_MILLISECONDS;
  }
}
