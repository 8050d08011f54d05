import ipaddr from 'ipaddr.js';
import { ExporterError } from '../errors.ts';

/** Slots of the formatting cache; a power of two. 10,000 subflows of a busy server have about as many remote addresses. */
const SLOTS = 16_384;
const slotWords = new Uint32Array(SLOTS * 4);
const slotTexts: (string | undefined)[] = new Array(SLOTS);

/** Third word of an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2). */
const MAPPED = 0x0000ffff;

/** Most texts that {@link canonicalAddress} remembers; it starts afresh beyond. */
const MAX_TEXTS = 16_384;
const canonicalTexts = new Map<string, string>();

/** The IPv4 address in the 4 bytes at `offset`, network order, as text; throws a RangeError beyond the end of `bytes`. */
export function ipv4Text(bytes: Uint8Array | DataView, offset: number): string {
  return cachedText(0, 0, MAPPED, viewOf(bytes).getUint32(offset));
}

/**
 * The IPv6 address in the 16 bytes at `offset`, network order, as RFC 5952 text; an IPv4-mapped one as IPv4.
 * Throws a RangeError beyond the end of `bytes`.
 */
export function ipv6Text(bytes: Uint8Array | DataView, offset: number): string {
  const view = viewOf(bytes);
  return cachedText(
    view.getUint32(offset),
    view.getUint32(offset + 4),
    view.getUint32(offset + 8),
    view.getUint32(offset + 12),
  );
}

/**
 * Any textual IP address in the model's form: brackets, zone or `%device` dropped, IPv4-mapped as IPv4, IPv6 by RFC 5952.
 * Throws `malformed` for anything else (`*`, host names, IPv4 with fewer than four decimal parts).
 */
export function canonicalAddress(text: string): string {
  const known = canonicalTexts.get(text);
  if (known !== undefined) return known;
  const canonical = parseAddress(text);
  if (canonicalTexts.size >= MAX_TEXTS) canonicalTexts.clear();
  canonicalTexts.set(text, canonical);
  return canonical;
}

function parseAddress(text: string): string {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  const address = bare.split('%', 1)[0] ?? '';
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return ipaddr.IPv4.parse(address).toString();
  if (!ipaddr.IPv6.isValid(address)) throw new ExporterError('malformed', `not an IP address: ${excerpt(text)}`);
  const parsed = ipaddr.IPv6.parse(address);
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() : parsed.toRFC5952String();
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}

function viewOf(bytes: Uint8Array | DataView): DataView {
  return bytes instanceof DataView ? bytes : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Direct-mapped: an address has one slot, so that the cache is bounded without any bookkeeping. */
function cachedText(a: number, b: number, c: number, d: number): string {
  const mixed = Math.imul(a ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ d, 0x9e3779b1);
  const slot = (mixed ^ (mixed >>> 15)) & (SLOTS - 1);
  const word = slot * 4;
  const text = slotTexts[slot];
  if (
    text !== undefined &&
    slotWords[word] === a &&
    slotWords[word + 1] === b &&
    slotWords[word + 2] === c &&
    slotWords[word + 3] === d
  ) {
    return text;
  }
  const fresh = a === 0 && b === 0 && c === MAPPED ? dotted(d) : coloned(a, b, c, d);
  slotTexts[slot] = fresh;
  slotWords[word] = a;
  slotWords[word + 1] = b;
  slotWords[word + 2] = c;
  slotWords[word + 3] = d;
  return fresh;
}

function dotted(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;
}

/** RFC 5952 section 4: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function coloned(...words: readonly [number, number, number, number]): string {
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  let longest = 0;
  let longestEnd = 0;
  let run = 0;
  groups.forEach((group, index) => {
    run = group === 0 ? run + 1 : 0;
    if (run > longest) {
      longest = run;
      longestEnd = index + 1;
    }
  });
  const hex = groups.map((group) => group.toString(16));
  if (longest < 2) return hex.join(':');
  return `${hex.slice(0, longestEnd - longest).join(':')}::${hex.slice(longestEnd).join(':')}`;
}
