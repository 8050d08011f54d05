type Labels = Readonly<Record<string, string | number>>;

let lastLabels: Labels | undefined;
let lastText = '';

/** Labels as they are printed, without braces; those of the last call are not formatted again. */
export function labelText(labels: Labels): string {
  if (labels !== lastLabels) {
    lastText = formatted(labels);
    lastLabels = labels;
  }
  return lastText;
}

/** A sample as it is printed, with its newline; `labels` without braces, as {@link labelText} gives them. */
export function lineOf(name: string, labels: string, value: number): string {
  return labels === '' ? `${name} ${valueText(value)}\n` : `${name}{${labels}} ${valueText(value)}\n`;
}

/** A value as prom-client prints it. */
export function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'Nan';
  return value < 0 ? '-Inf' : '+Inf';
}

function formatted(labels: Labels): string {
  let text = '';
  for (const name in labels) {
    const value = labels[name];
    if (text !== '') text += ',';
    text += `${name}="${typeof value === 'string' ? escaped(value) : value}"`;
  }
  return text;
}

const SPECIAL = /[\\"\n]/;

function escaped(text: string): string {
  if (!SPECIAL.test(text)) return text;
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

/** Room for the first text as a rule. */
const FIRST_BYTES = 256 * 1024;

/** Buffers kept for the next texts: one for each that is written or sent at the same time. */
const KEPT_BUFFERS = 2;

/** Buffers to write texts into, used again and again: fresh memory is dearer than what is written there. */
export class BufferPool {
  readonly #free: Buffer[] = [];

  /** One that nobody else uses. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** Takes one back that is not used any more; one that is never given back is garbage like any other. */
  give(buffer: Buffer): void {
    if (this.#free.length < KEPT_BUFFERS) this.#free.push(buffer);
  }
}

/** Writes strings one after the other, in UTF-8. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  /** Writes into `buffer`, and into a larger one when that is full. */
  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  /** What is written into. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  write(text: string): void {
    // A UTF-16 unit takes at most 3 bytes.
    if (this.#buffer.length - this.#length < 3 * text.length) this.#grow(3 * text.length);
    this.#length += this.#buffer.write(text, this.#length);
  }

  /** What has been written, but for the last `less` bytes. */
  finish(less: number): Buffer {
    return this.#buffer.subarray(0, Math.max(0, this.#length - less));
  }

  #grow(room: number): void {
    const larger = Buffer.allocUnsafeSlow(2 * this.#buffer.length + room);
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
