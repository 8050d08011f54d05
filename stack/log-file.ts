import { appendFileSync, renameSync, statSync, writeFileSync } from 'node:fs';

const MOST_BYTES = 10 * 1024 * 1024;
const TAIL_CHARACTERS = 8 * 1024;

/** What one program prints: in a file of at most 10 MiB, the 10 MiB before it in FILE.old, and the end of it at hand. */
export class LogFile {
  readonly file: string;
  readonly #mostBytes: number;
  #size: number;
  #tail = '';

  /** Begins the file anew; what an earlier run left becomes FILE.old. */
  constructor(file: string, mostBytes = MOST_BYTES) {
    this.file = file;
    this.#mostBytes = mostBytes;
    this.#size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (this.#size > 0) this.#turn();
    writeFileSync(file, '', { mode: 0o600 });
  }

  append(text: string): void {
    const bytes = Buffer.byteLength(text);
    if (this.#size + bytes > this.#mostBytes) this.#turn();
    appendFileSync(this.file, text, { mode: 0o600 });
    this.#size += bytes;
    this.#tail = (this.#tail + text).slice(-TAIL_CHARACTERS);
  }

  /** The last lines of this run, at most `count`. */
  last(count: number): readonly string[] {
    return this.#tail.trimEnd().split('\n').slice(-count);
  }

  #turn(): void {
    renameSync(this.file, `${this.file}.old`);
    this.#size = 0;
  }
}
