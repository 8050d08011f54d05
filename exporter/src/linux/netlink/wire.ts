import { ExporterError } from '../../errors.ts';

/**
 * The netlink message format (uapi/linux/netlink.h, RFC 3549): host byte order, which is little endian on every platform
 * we run on, everything aligned to 4 bytes. All bounds are checked here, so that decoders need not.
 */

/** Message types below 16 (uapi/linux/netlink.h). */
export const NLMSG = { noop: 1, error: 2, done: 3, overrun: 4 } as const;

/** Header flags (uapi/linux/netlink.h); `capped` and `ackTlvs` only on errors. */
export const NLM_F = {
  request: 0x1,
  dumpInterrupted: 0x10,
  dump: 0x300,
  capped: 0x100,
  ackTlvs: 0x200,
} as const;

/** Address families as the kernel numbers them; a dump of sockets answers for one at a time. */
export const AF_INET = 2;
/** See {@link AF_INET}. An IPv4 client of a dual-stack listener is in this family's dump, with mapped addresses. */
export const AF_INET6 = 10;

const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
/** Strips NLA_F_NESTED and NLA_F_NET_BYTEORDER, which some families set and others do not. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;
/** NLMSGERR_ATTR_MSG: extended ACK text. */
const ERROR_ATTRIBUTE_MESSAGE = 1;

const utf8 = new TextDecoder();
const NAME_SLOTS = 64;
const names: (string | undefined)[] = new Array(NAME_SLOTS);

/** Decodes one message's payload, `view` from `start` to before `end`; undefined leaves it out. Throws {@link ExporterError}. */
export type RowDecoder<T> = (view: DataView, start: number, end: number) => T | undefined;

/** Walks the messages of one read: `while (messages.next()) …`. The fields describe the current one. */
export class Messages {
  type = 0;
  flags = 0;
  sequence = 0;
  port = 0;
  /** Where the current message's payload starts and ends. */
  start = 0;
  end = 0;
  readonly #view: DataView;
  #next = 0;

  /** `view` holds what one read has given, no more. */
  constructor(view: DataView) {
    this.#view = view;
  }

  /** Moves to the next message, false after the last. Throws `truncated` or `malformed` when a header does not add up. */
  next(): boolean {
    const offset = this.#next;
    const left = this.#view.byteLength - offset;
    if (left <= 0) return false;
    if (left < HEADER_BYTES) throw truncated('netlink header', offset, HEADER_BYTES, left);
    const length = this.#view.getUint32(offset, true);
    if (length < HEADER_BYTES) throw malformed(`netlink message of ${length} bytes at byte ${offset}`);
    if (length > left) throw truncated('netlink message', offset, length, left);
    this.type = this.#view.getUint16(offset + 4, true);
    this.flags = this.#view.getUint16(offset + 6, true);
    this.sequence = this.#view.getUint32(offset + 8, true);
    this.port = this.#view.getUint32(offset + 12, true);
    this.start = offset + HEADER_BYTES;
    this.end = offset + length;
    this.#next = align(this.end);
    return true;
  }
}

/** Walks the attributes between two offsets: `while (attributes.next()) …`. The fields describe the current one. */
export class Attributes {
  /** Without the flag bits. */
  type = 0;
  /** Where the current attribute's value starts, and its length without padding. */
  offset = 0;
  length = 0;
  #view: DataView;
  #end: number;
  #next: number;

  constructor(view: DataView, start: number, end: number) {
    this.#view = view;
    this.#end = end;
    this.#next = start;
  }

  /** Starts anew between two other offsets: a decoder of thousands of rows need not make one for each. */
  reopen(view: DataView, start: number, end: number): void {
    this.#view = view;
    this.#end = end;
    this.#next = start;
  }

  /** Has `inner` walk the attributes inside the current value. */
  enter(inner: Attributes): void {
    inner.reopen(this.#view, this.offset, this.offset + this.length);
  }

  /** Moves to the next attribute, false after the last. Throws `truncated` or `malformed` when a header does not add up. */
  next(): boolean {
    const offset = this.#next;
    const left = this.#end - offset;
    if (left <= 0) return false;
    if (left < ATTRIBUTE_HEADER_BYTES) throw truncated('attribute header', offset, ATTRIBUTE_HEADER_BYTES, left);
    const length = this.#view.getUint16(offset, true);
    if (length < ATTRIBUTE_HEADER_BYTES) throw malformed(`attribute of ${length} bytes at byte ${offset}`);
    if (length > left) throw truncated('attribute', offset, length, left);
    this.type = this.#view.getUint16(offset + 2, true) & ATTRIBUTE_TYPE_MASK;
    this.offset = offset + ATTRIBUTE_HEADER_BYTES;
    this.length = length - ATTRIBUTE_HEADER_BYTES;
    this.#next = offset + align(length);
    return true;
  }

  /** The current value as u8; like the others below it throws `malformed` when the value is too short for that. */
  u8(): number {
    this.require(1);
    return this.#view.getUint8(this.offset);
  }

  /** The current value as u16. */
  u16(): number {
    this.require(2);
    return this.#view.getUint16(this.offset, true);
  }

  /** The current value as u32. */
  u32(): number {
    this.require(4);
    return this.#view.getUint32(this.offset, true);
  }

  /** The current value as text, up to its first NUL. */
  text(): string {
    return textAt(this.#view, this.offset, this.length);
  }

  /** The attributes inside the current value. */
  nested(): Attributes {
    return new Attributes(this.#view, this.offset, this.offset + this.length);
  }

  /** Throws `malformed` unless the current value has at least `length` bytes. */
  require(length: number): void {
    if (this.length < length) {
      throw malformed(`attribute ${this.type} of ${this.length} bytes, ${length} needed, at byte ${this.offset}`);
    }
  }
}

/** Throws `truncated` unless the payload from `start` to `end` can hold a fixed part of `length` bytes. */
export function requirePayload(what: string, start: number, end: number, length: number): void {
  if (end - start < length) throw truncated(what, start, length, end - start);
}

/** An unsigned 64-bit number, exact below 2^53; the caller has checked the bounds. */
export function u64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000;
}

/** Whether the 64 bits at `offset` are all ones, the kernel's way to say "none" or "unlimited". */
export function isAllOnes64(view: DataView, offset: number): boolean {
  return view.getUint32(offset, true) === 0xffffffff && view.getUint32(offset + 4, true) === 0xffffffff;
}

/** What a request asks for, before it has a sequence number. */
export interface NetlinkRequest {
  readonly type: number;
  /** Family-specific header, then attributes. */
  readonly payload: Uint8Array;
  /** Type of the messages that answer it; others are not looked at. */
  readonly answer: number;
}

/** The bytes of a request, with NLM_F_REQUEST added to `flags`; port 0 lets the kernel fill in ours. */
export function encodeRequest(request: NetlinkRequest, flags: number, sequence: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + align(request.payload.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, HEADER_BYTES + request.payload.length, true);
  view.setUint16(4, request.type, true);
  view.setUint16(6, flags | NLM_F.request, true);
  view.setUint32(8, sequence, true);
  bytes.set(request.payload, HEADER_BYTES);
  return bytes;
}

/** One attribute with its header and padding, to append to a payload. */
export function encodeAttribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(ATTRIBUTE_HEADER_BYTES + align(value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ATTRIBUTE_HEADER_BYTES + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, ATTRIBUTE_HEADER_BYTES);
  return bytes;
}

/** How a dump or a request ended: errno 0 is success. */
export interface Verdict {
  readonly errno: number;
  /** What the kernel says about it in words (extended ACK). */
  readonly detail?: string;
}

/** Reads the current NLMSG_ERROR or NLMSG_DONE, whose payload starts with a negative errno; a DONE may have none. */
export function verdict(view: DataView, message: Messages): Verdict {
  const { start, end, type, flags } = message;
  if (type === NLMSG.done && end - start < 4) return { errno: 0 };
  requirePayload('netlink verdict', start, end, 4);
  const errno = -view.getInt32(start, true);
  if (errno <= 0) return { errno: 0 };
  const detail = flags & NLM_F.ackTlvs ? extendedAck(view, message) : undefined;
  return detail === undefined ? { errno } : { errno, detail };
}

/** The extended ACK's text: after a DONE's errno at once, after an error's errno and the request it quotes. */
function extendedAck(view: DataView, { start, end, type, flags }: Messages): string | undefined {
  let first = start + 4;
  if (type === NLMSG.error) {
    requirePayload('netlink error', start, end, 4 + HEADER_BYTES);
    first += flags & NLM_F.capped ? HEADER_BYTES : align(view.getUint32(start + 4, true));
  }
  const attributes = new Attributes(view, first, end);
  while (attributes.next()) if (attributes.type === ERROR_ATTRIBUTE_MESSAGE) return attributes.text();
  return undefined;
}

/** Bytes up to the first NUL as text. Names repeat from row to row, so each slot remembers the last one that fell into it. */
function textAt(view: DataView, offset: number, length: number): string {
  let size = 0;
  let hash = 0;
  for (; size < length; size += 1) {
    const byte = view.getUint8(offset + size);
    if (byte === 0) break;
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  const slot = hash & (NAME_SLOTS - 1);
  const known = names[slot];
  if (known !== undefined && isTextAt(view, offset, size, known)) return known;
  const text = utf8.decode(new Uint8Array(view.buffer, view.byteOffset + offset, size));
  names[slot] = text;
  return text;
}

/** False for anything but ASCII, which then is decoded again. */
function isTextAt(view: DataView, offset: number, size: number, text: string): boolean {
  if (text.length !== size) return false;
  for (let index = 0; index < size; index += 1) {
    const byte = view.getUint8(offset + index);
    if (byte > 0x7f || byte !== text.charCodeAt(index)) return false;
  }
  return true;
}

function align(length: number): number {
  return Math.ceil(length / 4) * 4;
}

function truncated(what: string, offset: number, promised: number, left: number): ExporterError {
  return new ExporterError('truncated', `${what} at byte ${offset} needs ${promised} bytes, ${left} are left`);
}

function malformed(message: string): ExporterError {
  return new ExporterError('malformed', message);
}
