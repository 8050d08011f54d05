import type { Sample } from './family.ts';

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

/** Name and labels of a sample as they are printed; `name` is the family's. */
export function lineOf(name: string, { metricName = name, labels, sharedText }: Sample): string {
  const own = formatted(labels);
  if (own === '') return sharedText === '' ? metricName : `${metricName}{${sharedText}}`;
  return sharedText === '' ? `${metricName}{${own}}` : `${metricName}{${own},${sharedText}}`;
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

/** Room that is more than enough for the first text. */
const FIRST_BYTES = 64 * 1024;

/** Writes strings one after the other into one buffer, in UTF-8. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  /** `expected`: about how many bytes there will be; more is no harm. */
  constructor(expected: number) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, Math.ceil(expected * 1.25)));
  }

  write(text: string): void {
    // A UTF-16 unit takes at most 3 bytes.
    if (this.#bytes.length - this.#length < 3 * text.length) this.#grow(3 * text.length);
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** What has been written, but for the last `less` bytes. */
  finish(less: number): Buffer {
    return this.#bytes.subarray(0, Math.max(0, this.#length - less));
  }

  #grow(room: number): void {
    const larger = Buffer.allocUnsafeSlow(2 * this.#bytes.length + room);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
