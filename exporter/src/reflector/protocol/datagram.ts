import { createHmac, timingSafeEqual } from 'node:crypto';
import { CLOCK_TOLERANCE_SECONDS } from './authorization.ts';

/** "MPTR", then a byte of version. */
const MAGIC = 0x4d505452;
const VERSION = 1;

const AT = { version: 4, kind: 5, sequence: 8, time: 16, tag: 24 } as const;
const TAG_BYTES = 16;

/** Smallest echo over UDP, which is its header; what is beyond is padding that the tag covers too. */
export const LEAST_DATAGRAM_BYTES = AT.tag + TAG_BYTES;

/** Largest echo over UDP: what fits an Ethernet packet with an IPv6 header. */
export const MOST_DATAGRAM_BYTES = 1452;

/** Which way a datagram goes. */
const KINDS = { request: 1, reply: 2 } as const;

/** An echo over UDP. */
export interface EchoDatagram {
  readonly kind: keyof typeof KINDS;
  /** Chosen by the sender of the request, a whole number below 2^53; the reply has the same. */
  readonly sequence: number;
  /** When the request was sent, by its sender's clock; the reply has the same. */
  readonly unixSeconds: number;
}

/**
 * The bytes of an echo, `bytes` in all, padded with zeros and tagged with HMAC-SHA256 under the token, cut to 16 bytes. An
 * empty token makes it a mere checksum. Throws a RangeError when `bytes` is out of bounds.
 */
export function encodeDatagram(token: string, datagram: EchoDatagram, bytes: number): Buffer {
  if (bytes < LEAST_DATAGRAM_BYTES || bytes > MOST_DATAGRAM_BYTES) {
    throw new RangeError(`an echo has ${LEAST_DATAGRAM_BYTES} to ${MOST_DATAGRAM_BYTES} bytes, not ${bytes}`);
  }
  const buffer = Buffer.alloc(bytes);
  buffer.writeUInt32BE(MAGIC, 0);
  buffer[AT.version] = VERSION;
  buffer[AT.kind] = KINDS[datagram.kind];
  buffer.writeBigUInt64BE(BigInt(datagram.sequence), AT.sequence);
  buffer.writeDoubleBE(datagram.unixSeconds, AT.time);
  tagOf(token, buffer).copy(buffer, AT.tag);
  return buffer;
}

/** What the bytes say: an echo, or why they are none. */
export type Decoded = EchoDatagram | 'malformed' | 'unauthorized';

/** Reads an echo; `unauthorized` when its tag is not of this token. */
export function decodeDatagram(token: string, bytes: Buffer): Decoded {
  if (bytes.length < LEAST_DATAGRAM_BYTES || bytes.length > MOST_DATAGRAM_BYTES) return 'malformed';
  if (bytes.readUInt32BE(0) !== MAGIC || bytes[AT.version] !== VERSION) return 'malformed';
  const kind = (['request', 'reply'] as const).find((each) => KINDS[each] === bytes[AT.kind]);
  const sequence = bytes.readBigUInt64BE(AT.sequence);
  if (kind === undefined || sequence > BigInt(Number.MAX_SAFE_INTEGER)) return 'malformed';
  const tag = bytes.subarray(AT.tag, AT.tag + TAG_BYTES);
  if (!timingSafeEqual(tagOf(token, bytes), tag)) return 'unauthorized';
  return { kind, sequence: Number(sequence), unixSeconds: bytes.readDoubleBE(AT.time) };
}

/** The reply to a request: as long, with the same sequence and time. Anything else gives why it gets none. */
export function replyTo(token: string, bytes: Buffer, unixSeconds: number): Buffer | 'malformed' | 'unauthorized' {
  const decoded = decodeDatagram(token, bytes);
  if (typeof decoded === 'string') return decoded;
  if (decoded.kind !== 'request') return 'malformed'; // else two reflectors could be made to answer each other for ever
  // What was overheard can be sent again from another address: not for long.
  const fresh = token === '' || Math.abs(decoded.unixSeconds - unixSeconds) <= CLOCK_TOLERANCE_SECONDS;
  return fresh ? encodeDatagram(token, { ...decoded, kind: 'reply' }, bytes.length) : 'unauthorized';
}

/** Of all bytes but the tag's own. */
function tagOf(token: string, bytes: Buffer): Buffer {
  const hmac = createHmac('sha256', token).update('datagram').update(bytes.subarray(0, AT.tag));
  return hmac
    .update(bytes.subarray(AT.tag + TAG_BYTES))
    .digest()
    .subarray(0, TAG_BYTES);
}
