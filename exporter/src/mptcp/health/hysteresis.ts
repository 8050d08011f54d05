/** Well below: a figure must fall this far before it counts as over. */
const LEAVE_PRESSURE = 0.7;

/** Without anything to judge by, a judgement holds this long. */
const HOLD_SECONDS = 30;

/** Whether something stands: it must be high for a while to begin, and clearly lower for a while to end. */
export class Hysteresis {
  readonly #enterSeconds: number;
  readonly #leaveSeconds: number;
  #standing = false;
  #turningSince: number | undefined;
  #knownAt = Number.NEGATIVE_INFINITY;

  constructor(options: { readonly enterSeconds: number; readonly leaveSeconds: number }) {
    this.#enterSeconds = options.enterSeconds;
    this.#leaveSeconds = options.leaveSeconds;
  }

  /** Takes the figure as a multiple of its threshold, `undefined` when there was nothing to judge by; gives whether it stands. */
  update(pressure: number | undefined, now: number): boolean {
    // Of a long round trip not every look hears something.
    if (pressure === undefined && !this.#standing && now - this.#knownAt <= this.#enterSeconds) return false;
    if (pressure !== undefined) this.#knownAt = now;
    const turning = this.#standing
      ? pressure === undefined || pressure < LEAVE_PRESSURE
      : pressure !== undefined && pressure > 1;
    if (!turning) {
      this.#turningSince = undefined;
      return this.#standing;
    }
    this.#turningSince ??= now;
    const needed = this.#standing ? (pressure === undefined ? HOLD_SECONDS : this.#leaveSeconds) : this.#enterSeconds;
    if (now - this.#turningSince >= needed) {
      this.#standing = !this.#standing;
      this.#turningSince = undefined;
    }
    return this.#standing;
  }
}
