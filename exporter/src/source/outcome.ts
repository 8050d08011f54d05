import { asExporterError } from '../errors.ts';
import type { Outcome } from '../mptcp/model.ts';

/** Runs one part of a reading; what it throws becomes the part's failure, so that one part never costs the others. */
export async function outcome<T>(read: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await read() };
  } catch (caught) {
    const error = asExporterError(caught);
    return { failure: { code: error.code, message: error.line } };
  }
}
