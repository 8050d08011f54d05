import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeDatagram,
  encodeDatagram,
  LEAST_DATAGRAM_BYTES,
  MOST_DATAGRAM_BYTES,
  replyTo,
} from '../../../exporter/src/reflector/protocol/datagram.ts';

const TOKEN = 'a token of 32 characters or more';
const NOW = 1_764_321_600.25;
const request = (sequence = 7, bytes = 64, unixSeconds = NOW): Buffer =>
  encodeDatagram(TOKEN, { kind: 'request', sequence, unixSeconds }, bytes);

describe('an echo over UDP', () => {
  it('comes back as long as it was, with its sequence and time', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.integer({ min: LEAST_DATAGRAM_BYTES, max: MOST_DATAGRAM_BYTES }),
        (sequence, bytes) => {
          const reply = replyTo(TOKEN, request(sequence, bytes), NOW + 10);
          expect(reply).toHaveLength(bytes);
          expect(decodeDatagram(TOKEN, reply as Buffer)).toEqual({ kind: 'reply', sequence, unixSeconds: NOW });
        },
      ),
    );
  });

  it('gets no reply when anything of it was changed, and never one when it is a reply itself', () => {
    fc.assert(
      fc.property(fc.nat(63), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = request();
        bytes[at] = (bytes[at] ?? 0) ^ change;
        expect(replyTo(TOKEN, bytes, NOW)).toMatch(/^(malformed|unauthorized)$/);
      }),
    );
    expect(replyTo(TOKEN, replyTo(TOKEN, request(), NOW) as Buffer, NOW)).toBe('malformed');
  });

  it('gets no reply from arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(replyTo(TOKEN, Buffer.from(bytes), NOW)).toMatch(/^(malformed|unauthorized)$/);
      }),
    );
  });

  it('gets no reply with another token, or long after', () => {
    expect(replyTo('another', request(), NOW)).toBe('unauthorized');
    expect(replyTo(TOKEN, request(), NOW + 301)).toBe('unauthorized');
    expect(replyTo(TOKEN, request(1, 64, Number.NaN), NOW)).toBe('unauthorized');
  });

  it.each([LEAST_DATAGRAM_BYTES - 1, MOST_DATAGRAM_BYTES + 1])('cannot be of %i bytes', (bytes) => {
    expect(() => request(1, bytes)).toThrow(RangeError);
  });
});
