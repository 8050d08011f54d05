import { describe, expect, it } from 'vitest';
import {
  AF_INET,
  AF_INET6,
  decodeIcmpError,
  encodeSocketAddress,
  familyOf,
} from '../../exporter/src/linux/socket-bytes.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

describe('a socket address', () => {
  it.each([
    ['10.0.0.7', 8080, '02001f900a0000070000000000000000'],
    ['2001:db8::1', 443, `0a0001bb00000000${'20010db8000000000000000000000001'}00000000`],
    ['fe80::2%eth0', 1, `0a00000100000000${'fe800000000000000000000000000002'}00000000`],
  ])('of %s is what the kernel reads', (address, port, expected) => {
    expect(hex(encodeSocketAddress({ address, port }))).toBe(expected);
  });

  it('of an IPv4 peer of a dual-stack listener is IPv4', () => {
    const mapped = encodeSocketAddress({ address: '::ffff:192.0.2.1', port: 9 });
    expect(mapped).toEqual(encodeSocketAddress({ address: '192.0.2.1', port: 9 }));
    expect(familyOf(mapped)).toBe(AF_INET);
    expect(familyOf(encodeSocketAddress({ address: '::1', port: 9 }))).toBe(AF_INET6);
  });

  it('of a host name is refused', () => {
    expect(() => encodeSocketAddress({ address: 'localhost', port: 1 })).toThrow(
      expect.objectContaining({ code: 'malformed' }),
    );
  });
});

describe('an entry of the error queue', () => {
  // Captured on Linux 6.18 by recvmsg(MSG_ERRQUEUE) on a TCP socket that was connecting.
  const neighbourGone =
    '3000000000000000000000000b0000007100000002030100000000000000000002000000' + '0a4d0001' + '0000000000000000';
  const prohibited =
    '3000000000000000000000000b0000007100000002030a00000000000000000002000000' + '0a4d0002' + '0000000000000000';

  it('tells which ICMP message came, and from whom', () => {
    expect(decodeIcmpError(bytes(neighbourGone))).toEqual({ type: 3, code: 1, version: 4, from: '10.77.0.1' });
    expect(decodeIcmpError(bytes(prohibited))).toEqual({ type: 3, code: 10, version: 4, from: '10.77.0.2' });
  });

  it('of IPv6 as well', () => {
    const v6 = `${'3c00000000000000'}${'2900000019000000'}${'7100000003010300'}${'0000000000000000'}${'0a00000000000000'}${'20010db8000000000000000000000009'}${'00000000'}`;
    expect(decodeIcmpError(bytes(v6))).toEqual({ type: 1, code: 3, version: 6, from: '2001:db8::9' });
  });

  it('that is no ICMP message, or is cut off anywhere, is none', () => {
    const local = bytes(neighbourGone);
    local[20] = 1; // SO_EE_ORIGIN_LOCAL
    expect(decodeIcmpError(local)).toBeUndefined();
    const whole = bytes(neighbourGone);
    for (let length = 0; length < whole.length; length += 1) {
      expect(decodeIcmpError(whole.subarray(0, length))).toBeUndefined();
    }
  });
});
