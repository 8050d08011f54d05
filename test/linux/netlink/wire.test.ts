import { describe, expect, it } from 'vitest';
import {
  Attributes,
  encodeAttribute,
  encodeRequest,
  isAllOnes64,
  Messages,
  u64,
  verdict,
} from '../../../exporter/src/linux/netlink/wire.ts';
import { attribute, capture, concat, done, message, refusal, u32 } from './fake-kernel.ts';

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function walkMessages(bytes: Uint8Array): { type: number; start: number; end: number }[] {
  const messages = new Messages(view(bytes));
  const seen = [];
  while (messages.next()) seen.push({ type: messages.type, start: messages.start, end: messages.end });
  return seen;
}

function walkAttributes(bytes: Uint8Array): [number, number][] {
  const attributes = new Attributes(view(bytes), 0, bytes.length);
  const seen: [number, number][] = [];
  while (attributes.next()) seen.push([attributes.type, attributes.length]);
  return seen;
}

describe('netlink messages', () => {
  it('of a captured dump are all found, to the final NLMSG_DONE', () => {
    const types = walkMessages(capture('client', 'sock-diag-mptcp4')).map(({ type }) => type);
    expect(types).toEqual([20, 20, 20, 20, 20, 3]);
  });

  it('follow each other at multiples of four bytes, whatever their length', () => {
    const bytes = concat(message(20, 0, [1, 2, 3]), [0], message(21, 0, [4]), [0, 0, 0]);
    expect(walkMessages(bytes)).toEqual([
      { type: 20, start: 16, end: 19 },
      { type: 21, start: 36, end: 37 },
    ]);
  });

  it.each([
    ['a header cut short', message(20, 0, []).slice(0, 15), 'truncated'],
    ['a length beyond the read', message(20, 0, [1, 2, 3, 4]).slice(0, 18), 'truncated'],
    ['a length of zero', new Uint8Array(16), 'malformed'],
    ['a length below a header', concat(u32(15), new Uint8Array(12)), 'malformed'],
  ])('with %s end in a typed error instead of a loop', (_, bytes, code) => {
    expect(() => walkMessages(bytes)).toThrow(expect.objectContaining({ code }));
  });
});

describe('netlink attributes', () => {
  it('are told apart with the flag bits stripped and the padding left out', () => {
    const bytes = concat(attribute(0x8001, [1]), attribute(0x4002, [1, 2, 3, 4]), attribute(3, []));
    expect(walkAttributes(bytes)).toEqual([
      [1, 1],
      [2, 4],
      [3, 0],
    ]);
  });

  it('may leave out the padding of the last one', () => {
    expect(walkAttributes(attribute(1, [7]).slice(0, 5))).toEqual([[1, 1]]);
  });

  it.each([
    ['a header cut short', Uint8Array.of(8, 0, 1), 'truncated', 'at byte 0'],
    ['a length of zero', new Uint8Array(8), 'malformed', 'at byte 0'],
    ['a length below a header', concat(attribute(1, [1]), Uint8Array.of(3, 0, 1, 0)), 'malformed', 'at byte 8'],
    ['a length beyond the message', concat(attribute(1, [1]), Uint8Array.of(9, 0, 1, 0, 0)), 'truncated', 'at byte 8'],
  ])('with %s end in a typed error that says where', (_, bytes, code, where) => {
    expect(() => walkAttributes(bytes)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(where) }),
    );
  });

  it('are never read beyond their own length', () => {
    const bytes = concat(attribute(1, [1]), new Uint8Array(8).fill(0xff));
    const attributes = new Attributes(view(bytes), 0, 8);
    attributes.next();
    expect(attributes.u8()).toBe(1);
    expect(() => attributes.u16()).toThrow(/attribute 1 of 1 bytes, 2 needed/);
    expect(() => attributes.u32()).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('hold text up to its NUL, ASCII or not, each time the same', () => {
    const read = (bytes: readonly number[]): string => {
      const attributes = new Attributes(view(attribute(3, bytes)), 0, attribute(3, bytes).length);
      attributes.next();
      return attributes.text();
    };
    const encode = (text: string): number[] => [...new TextEncoder().encode(text)];
    expect(read([...encode('wlan0'), 0, 0x41])).toBe('wlan0');
    expect(read(encode('wlan1'))).toBe('wlan1');
    expect([read(encode('büro')), read(encode('büro'))]).toEqual(['büro', 'büro']);
    expect(read([])).toBe('');
    expect(read([0xff, 0xfe])).toBe('\ufffd\ufffd');
  });
});

describe('64-bit numbers', () => {
  it('are exact below 2^53', () => {
    const bytes = new Uint8Array(8);
    for (const number of [0, 1, 0xffffffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER]) {
      view(bytes).setBigUint64(0, BigInt(number), true);
      expect(u64(view(bytes), 0)).toBe(number);
    }
  });

  it('with all bits set mean "none", with one bit clear do not', () => {
    const bytes = new Uint8Array(8).fill(0xff);
    expect(isAllOnes64(view(bytes), 0)).toBe(true);
    bytes[7] = 0x7f;
    expect(isAllOnes64(view(bytes), 0)).toBe(false);
  });
});

describe('a request', () => {
  it('is a message with its length, flags and sequence, padded to four bytes', () => {
    const bytes = encodeRequest({ type: 20, payload: Uint8Array.of(1, 2, 3, 4, 5), answer: 20 }, 0x300, 7);
    expect([...bytes]).toEqual([21, 0, 0, 0, 20, 0, 1, 3, 7, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0]);
  });

  it('carries attributes that read back', () => {
    expect(encodeAttribute(3, Uint8Array.of(6, 1, 0, 0))).toEqual(attribute(3, [6, 1, 0, 0]));
    expect(encodeAttribute(2, Uint8Array.of(1, 2, 3, 4, 5))).toEqual(attribute(2, [1, 2, 3, 4, 5]));
  });
});

describe('the end of an answer', () => {
  function read(bytes: Uint8Array): ReturnType<typeof verdict> {
    const messages = new Messages(view(bytes));
    messages.next();
    return verdict(view(bytes), messages);
  }

  it('is success for NLMSG_DONE with or without a number, and for an acknowledgement', () => {
    expect(read(done())).toEqual({ errno: 0 });
    expect(read(message(3, 2, []))).toEqual({ errno: 0 });
    expect(read(refusal(0))).toEqual({ errno: 0 });
  });

  it('is the errno of NLMSG_ERROR and of a dump that broke off', () => {
    expect(read(refusal(13))).toEqual({ errno: 13 });
    expect(read(done(95))).toEqual({ errno: 95 });
  });

  it("brings the kernel's words along, whether the request is quoted in full or not", () => {
    expect(read(refusal(22, 'Unsupported attribute'))).toEqual({ errno: 22, detail: 'Unsupported attribute' });
    const quoted = concat(u32(-22), message(20, 0, [1, 2, 3, 4]), attribute(1, [0x68, 0x69, 0]));
    expect(read(message(2, 0x200, quoted))).toEqual({ errno: 22, detail: 'hi' });
    const broken = concat(u32(-95), attribute(1, [0x6e, 0x6f, 0]));
    expect(read(message(3, 0x202, broken))).toEqual({ errno: 95, detail: 'no' });
    expect(read(message(2, 0x300, concat(u32(-22), new Uint8Array(16), attribute(2, u32(4)))))).toEqual({ errno: 22 });
  });

  it.each([
    ['NLMSG_ERROR without a number', message(2, 0, [1, 2])],
    ['extended text without the quoted header', message(2, 0x200, concat(u32(-22), [1, 2, 3, 4]))],
  ])('that is cut short is a typed error: %s', (_, bytes) => {
    expect(() => read(bytes)).toThrow(expect.objectContaining({ code: 'truncated' }));
  });
});
