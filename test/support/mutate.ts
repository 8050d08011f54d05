import fc from 'fast-check';

/** One piece of damage; `at` is scaled to the input's length when it is applied. */
interface Damage {
  readonly kind: 'cut' | 'grow' | 'replace' | 'number' | 'remove' | 'repeat';
  readonly at: number;
  readonly value: number;
}

/** Lengths and counts that have broken parsers before. */
const NUMBERS = [
  0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xfffc, 0xffff, 0x7fffffff, 0x80000000,
  0xffffffff,
];
/** What a digit run of a text becomes. */
const DIGITS = [
  '',
  '0',
  '-1',
  '00000000000000000',
  '4294967296',
  '9'.repeat(40),
  'ffffffffffffffff',
  '1e309',
  '0x1f',
  '1.5.5',
  'NaN',
  ':',
  '%',
  '/',
];

const damage: fc.Arbitrary<Damage> = fc
  .tuple(fc.nat({ max: 5 }), fc.nat({ max: 0x7fffffff }), fc.nat({ max: 0x7fffffff }))
  .map(([kind, at, value]) => ({
    kind: (['cut', 'grow', 'replace', 'number', 'remove', 'repeat'] as const)[kind] ?? 'cut',
    at,
    value,
  }));

/**
 * Copies of `captures` with one to four wounds each: cut short, grown by foreign bytes, bytes replaced, a length field
 * (bytes) or a number (text) rewritten, a stretch removed or repeated. Shrinks to the fewest and earliest wounds.
 */
export function mutated(captures: readonly Uint8Array[]): fc.Arbitrary<Uint8Array>;
export function mutated(captures: readonly string[]): fc.Arbitrary<string>;
export function mutated(captures: readonly (Uint8Array | string)[]): fc.Arbitrary<Uint8Array | string> {
  return fc
    .tuple(fc.nat({ max: captures.length - 1 }), fc.array(damage, { minLength: 1, maxLength: 4 }))
    .map(([index, damages]) => {
      const capture = captures[index] ?? '';
      return typeof capture === 'string' ? damages.reduce(woundText, capture) : damages.reduce(woundBytes, capture);
    });
}

function woundBytes(input: Uint8Array, { kind, at, value }: Damage): Uint8Array {
  const position = at % (input.length + 1);
  const stretch = 1 + (value % 64);
  switch (kind) {
    case 'cut':
      return join(input.subarray(0, position));
    case 'grow':
      return join(input.subarray(0, position), new Uint8Array(stretch).fill(value >>> 8), input.subarray(position));
    case 'replace': {
      const copy = join(input);
      if (copy.length > 0) copy[at % copy.length] = value;
      return copy;
    }
    case 'number': {
      const copy = join(input);
      const number = NUMBERS[value % NUMBERS.length] ?? 0;
      const aligned = position - (position % 4);
      const view = new DataView(copy.buffer);
      if (value & 0x10000 && aligned + 4 <= copy.length) view.setUint32(aligned, number, true);
      else if (aligned + 2 <= copy.length) view.setUint16(aligned, number, true);
      return copy;
    }
    case 'remove':
      return join(input.subarray(0, position), input.subarray(position + stretch));
    case 'repeat':
      return join(input.subarray(0, position), input.subarray(position - stretch), input.subarray(position));
  }
}

/** A new array; `slice` of a Buffer would share memory with the capture. */
function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function woundText(input: string, { kind, at, value }: Damage): string {
  const position = at % (input.length + 1);
  const stretch = 1 + (value % 64);
  const head = input.slice(0, position);
  const tail = input.slice(position);
  switch (kind) {
    case 'cut':
      return head;
    case 'grow':
      return head + String.fromCharCode((value >>> 8) % 0x180).repeat(stretch) + tail;
    case 'replace':
      return head + String.fromCharCode(value % 0x180) + tail.slice(1);
    case 'number':
      return head + tail.replace(/[0-9a-f]+/, DIGITS[value % DIGITS.length] ?? '');
    case 'remove':
      return head + tail.slice(stretch);
    case 'repeat':
      return head + input.slice(Math.max(0, position - stretch)) + tail;
  }
}
