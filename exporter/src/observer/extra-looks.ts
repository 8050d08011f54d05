/** At least this long from one extra look to the next. */
const SPACING_MS = 100;

/** Of many, one in so long, but for one ahead of its turn: however much happens, what is news waits no longer than this. */
const TURN_MS = 200;

/** Extra looks rest this many times as long as the last one took, so that they never cost more than a tenth of the time. */
const REST = 9;

/** Looks out of turn, when something happened that a look should show soon; bounded however often that is. */
export class ExtraLooks {
  readonly #look: () => Promise<unknown>;
  #begun = Number.NEGATIVE_INFINITY;
  /** When the next has its turn. */
  #turn = Number.NEGATIVE_INFINITY;
  #rested = 0;
  #wanted = false;
  #looking = false;
  #timer: NodeJS.Timeout | undefined;

  /** `look` must not reject. */
  constructor(look: () => Promise<unknown>) {
    this.#look = look;
  }

  /** Asks for a look that begins after this moment: at once, or as soon as the bounds allow. */
  want(): void {
    this.#wanted = true;
    if (this.#looking || this.#timer !== undefined) return;
    this.#plan();
  }

  /** Ends them; one under way goes on. */
  stop(): void {
    this.#wanted = false;
    clearTimeout(this.#timer);
  }

  #plan(): void {
    const now = performance.now();
    const due = Math.max(now, this.#begun + SPACING_MS, this.#turn - TURN_MS, this.#rested);
    this.#timer = setTimeout(() => void this.#run(), due - now);
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    this.#wanted = false;
    this.#looking = true;
    const begun = performance.now();
    this.#begun = begun;
    this.#turn = Math.max(this.#turn, begun) + TURN_MS;
    await this.#look();
    const ended = performance.now();
    this.#rested = ended + REST * (ended - begun);
    this.#looking = false;
    if (this.#wanted) this.#plan();
  }
}
