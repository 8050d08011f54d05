import { afterAll, beforeAll, describe } from 'vitest';
import type { LinkSpec } from '../../lab/links.ts';
import { TruthClient } from './client.ts';
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

/** The same with an exporter at the client only, which `open` may start differently. */
export function clientPart(
  name: string,
  cases: (client: () => TruthClient) => void,
  open: () => Promise<TruthClient> = () => TruthClient.open(),
): void {
  describe.concurrent(name, () => {
    let client: TruthClient;
    beforeAll(async () => {
      client = await open();
    });
    afterAll(async () => client?.[Symbol.asyncDispose]());
    cases(() => client);
  });
}
