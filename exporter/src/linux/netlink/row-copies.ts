/** Rows of one kind are copied side by side into blocks of so many, which live as long as one of their records does. */
const ROWS_PER_BLOCK = 1024;

/**
 * Room for what is kept of a dump's rows, since the dump's buffer is used again. Records read their fields there when they
 * are asked for: of 10,000 subflows most are asked for a few, and an object of 20 fields for each would be most of the
 * garbage that a look makes.
 */
export class RowCopies {
  readonly #rowBytes: number;
  #block = new DataView(new ArrayBuffer(0));
  #used = 0;

  /** `rowBytes`, a multiple of 4, is kept of each row. */
  constructor(rowBytes: number) {
    this.#rowBytes = rowBytes;
  }

  /** Makes room for one row, zeroed, and gives its offset in {@link block}. */
  add(): number {
    if (this.#used === this.#block.byteLength) {
      this.#block = new DataView(new ArrayBuffer(this.#rowBytes * ROWS_PER_BLOCK));
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += this.#rowBytes;
    return at;
  }

  /** Where the row that was added last is. */
  get block(): DataView {
    return this.#block;
  }
}

/** Copies `bytes`, a multiple of 4; a loop, because a view of the source for every row would be garbage again. */
export function copyWords(from: DataView, offset: number, to: DataView, at: number, bytes: number): void {
  for (let i = 0; i < bytes; i += 4) to.setUint32(at + i, from.getUint32(offset + i, true), true);
}
