import { ExporterError } from '../../errors.ts';

/** Bits per second by the prefix that `ss` puts before `bps` when it was not asked for plain numbers. */
const RATE_PREFIXES: Readonly<Record<string, number>> = { '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** A decimal count. Throws `malformed`. */
export function count(text: string): number {
  if (!/^\d{1,20}$/.test(text)) throw malformed('a count', text);
  return Number(text);
}

/** A hexadecimal number without `0x`. Throws `malformed`. */
export function hexadecimal(text: string): number {
  if (!/^[0-9a-f]{1,16}$/.test(text)) throw malformed('a hexadecimal number', text);
  return Number.parseInt(text, 16);
}

/** A token of 32 bits, hexadecimal and not padded. Throws `malformed`. */
export function token(text: string): number {
  if (text.length > 8) throw malformed('a token', text);
  return hexadecimal(text);
}

/** A 64-bit data sequence number, which `ss` printed in base 16 up to 6.4. Throws `malformed`. */
export function sequence(text: string, base: 10 | 16): bigint {
  if (!(base === 10 ? /^\d{1,20}$/ : /^[0-9a-f]{1,16}$/).test(text)) throw malformed('a sequence number', text);
  return BigInt(base === 10 ? text : `0x${text}`);
}

/** Seconds of whole milliseconds, as in `lastsnd:40236` and, with their unit and share, `rwnd_limited:20ms(10.0%)`. Throws `malformed`. */
export function seconds(text: string): number {
  const match = /^(\d{1,20})(?:ms(?:\(\d{1,20}\.?\d{0,9}%\))?)?$/.exec(text);
  if (match === null) throw malformed('milliseconds', text);
  return Number(match[1]) / 1000;
}

/** Seconds of milliseconds with a fraction (`%g`), to the microsecond that the kernel told. Throws `malformed`. */
export function fractionSeconds(text: string): number {
  if (!/^\d{1,20}(?:\.\d{1,9})?(?:e\+\d\d)?$/.test(text)) throw malformed('milliseconds', text);
  return Math.round(Number(text) * 1000) / 1e6;
}

/** Bytes per second of `5009002bps`, `1.2Mbps` or, with the limit left off, `1200bps/2400bps`. Throws `malformed`. */
export function rate(text: string): number {
  const match = /^(\d{1,24}(?:\.\d{1,9})?(?:e\+\d\d)?)([kKMGT]?)bps(?:\/|$)/.exec(text);
  if (match === null) throw malformed('a rate', text);
  return Math.round((Number(match[1]) * (RATE_PREFIXES[match[2] ?? ''] ?? 1)) / 8);
}

/** The error of a text that is not what its place asks for. */
export function malformed(expected: string, text: string): ExporterError {
  const shown = text.length > 64 ? `${text.slice(0, 64)}…` : text;
  return new ExporterError('malformed', `${JSON.stringify(shown)} is not ${expected}`);
}
