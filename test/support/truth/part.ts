import { afterAll, beforeAll, describe } from 'vitest';
import type { LinkSpec } from '../../lab/links.ts';
import { TruthEnds } from './ends.ts';
import { RUNS } from './measurements.ts';

/** Of one case in all its runs. */
export const TIMEOUT = { timeout: RUNS * 90_000 };

/** A part of the truth table with a lab of its own, so that the parts run side by side. Its cases take turns: `it.sequential`. */
export function part(name: string, cases: (ends: () => TruthEnds) => void, links?: readonly LinkSpec[]): void {
  describe.concurrent(name, () => {
    let ends: TruthEnds;
    beforeAll(async () => {
      ends = await TruthEnds.open(links);
    });
    afterAll(async () => {
      await ends?.close();
    });
    cases(() => ends);
  });
}
