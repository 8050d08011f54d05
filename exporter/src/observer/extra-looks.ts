/** At least this long from one extra look to the next, and at most so many in a second. */
const SPACING_MS = 100;
const MOST_PER_SECOND = 5;

/** Extra looks rest this many times as long as the last one took, so that they never cost more than a tenth of the time. */
const REST = 9;

/** Looks out of turn, when something happened that a look should show soon; bounded however often that is. */
export class ExtraLooks {
  readonly #look: () => Promise<unknown>;
  /** When the latest looks began. */
  #begun: number[] = [];
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
    const spaced = (this.#begun.at(-1) ?? Number.NEGATIVE_INFINITY) + SPACING_MS;
    const oldest = this.#begun.length < MOST_PER_SECOND ? Number.NEGATIVE_INFINITY : (this.#begun[0] ?? now);
    const due = Math.max(now, spaced, this.#rested, oldest + 1000);
    this.#timer = setTimeout(() => void this.#run(), due - now);
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    this.#wanted = false;
    this.#looking = true;
    const begun = performance.now();
    this.#begun = [...this.#begun, begun].slice(-MOST_PER_SECOND);
    await this.#look();
    const ended = performance.now();
    this.#rested = ended + REST * (ended - begun);
    this.#looking = false;
    if (this.#wanted) this.#plan();
  }
}
