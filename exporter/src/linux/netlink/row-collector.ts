import { asExporterError, type ErrorCode, type ExporterError } from '../../errors.ts';
import type { RowDecoder } from './wire.ts';

/** What a single bad row can be to blame for; any other error is the whole dump's. */
const ROW_CODES: ReadonlySet<ErrorCode> = new Set(['truncated', 'malformed']);

/** Gathers the rows of one attempt at a dump. */
export class RowCollector<T> {
  readonly #decode: RowDecoder<T>;
  readonly #onIncident: (code: ErrorCode) => void;
  readonly #rows: T[] = [];
  readonly #skipped: ErrorCode[] = [];
  #firstError: ExporterError | undefined;
  #decoded = 0;

  constructor(decode: RowDecoder<T>, onIncident: (code: ErrorCode) => void) {
    this.#decode = decode;
    this.#onIncident = onIncident;
  }

  /** Decodes one row; a malformed one is skipped. Throws what else the decoder throws. */
  add(view: DataView, start: number, end: number): void {
    try {
      const row = this.#decode(view, start, end);
      this.#decoded += 1;
      if (row !== undefined) this.#rows.push(row);
    } catch (caught) {
      const error = asExporterError(caught);
      if (!ROW_CODES.has(error.code)) throw error;
      this.#firstError ??= error;
      this.#skipped.push(error.code);
    }
  }

  /** The rows, those skipped reported. Throws the first error instead when no row could be decoded: that is no empty table. */
  finish(): T[] {
    if (this.#decoded === 0 && this.#firstError !== undefined) throw this.#firstError;
    for (const code of this.#skipped) this.#onIncident(code);
    return this.#rows;
  }
}
