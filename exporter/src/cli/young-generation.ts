import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Enough for a scrape of hundreds of subflows between two collections of garbage. */
const USUAL_BYTES = 8 * 1024 * 1024;

/** From here on a look makes so much garbage that a small young generation would be copied all the time. */
const MANY_SUBFLOWS = 500;

let grows = true;

/**
 * Keeps V8's young generation as it is, until {@link fitYoungGeneration} is told otherwise. For the start: loading the program
 * would have it grow to its most, 32 MiB, and it hardly ever shrinks.
 */
export function holdYoungGeneration(): void {
  letGrow(false);
}

/**
 * Keeps V8's young generation small while there is little to look at; to be told the number of subflows of every look. Left
 * alone it grows to 32 MiB, every page of it fresh from the kernel, for a garbage of a few megabytes a second. V8 has no limit
 * that can be set from within, but how much it grows can.
 */
export function fitYoungGeneration(subflows: number): void {
  letGrow(subflows >= MANY_SUBFLOWS || youngBytes() < USUAL_BYTES);
}

function letGrow(wanted: boolean): void {
  if (wanted === grows) return;
  grows = wanted;
  setFlagsFromString(`--semi-space-growth-factor=${grows ? 2 : 1}`);
}

/** Of both halves. */
function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
}
