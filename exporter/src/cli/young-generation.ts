import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Enough for a scrape of hundreds of subflows between two collections of garbage. */
const USUAL_BYTES = 8 * 1024 * 1024;

/** From here on a look makes so much garbage that a small young generation would be copied all the time. */
const MANY_SUBFLOWS = 500;

/**
 * Keeps V8's young generation small while there is little to look at: left alone it grows to 32 MiB in the first minutes,
 * every page of it fresh from the kernel, and stays there for a garbage of a few megabytes a second. V8 has no limit that
 * can be set from within, but how much it grows can.
 */
export class YoungGeneration {
  #grows = true;

  /** To be told the number of subflows of every look. */
  fit(subflows: number): void {
    const grows = subflows >= MANY_SUBFLOWS || youngBytes() < USUAL_BYTES;
    if (grows === this.#grows) return;
    this.#grows = grows;
    setFlagsFromString(`--semi-space-growth-factor=${grows ? 2 : 1}`);
  }
}

/** Of both halves. */
function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
}
