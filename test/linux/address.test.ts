import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { ExporterError } from '../../exporter/src/errors.ts';
import { canonicalAddress, ipv4Text, ipv6Text } from '../../exporter/src/linux/address.ts';

const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 });
/** Mostly zeros, as addresses are. */
const sparse = fc
  .array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));

describe('addresses as bytes', () => {
  it.each([
    ['0a4d0101', '10.77.1.1'],
    ['00000000', '0.0.0.0'],
    ['ffffffff', '255.255.255.255'],
  ])('IPv4 %s is %s', (hex, text) => {
    expect(ipv4Text(Buffer.from(hex, 'hex'), 0)).toBe(text);
  });

  it.each([
    ['fd770001000000000000000000000001', 'fd77:1::1'],
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['fe800000000000009c6e3afffe8105ef', 'fe80::9c6e:3aff:fe81:5ef'],
    ['20010000000000000000000000000000', '2001::'],
    ['00000000000000000000ffff0a4d0102', '10.77.1.2'],
  ])('IPv6 %s is %s, by RFC 5952 and with mapped IPv4 as IPv4', (hex, text) => {
    expect(ipv6Text(Buffer.from(hex, 'hex'), 0)).toBe(text);
  });

  it('are read at their offset, from bytes and from a view alike', () => {
    const bytes = Uint8Array.from([9, 9, 10, 77, 2, 1, 9, 9]);
    expect(ipv4Text(bytes, 2)).toBe('10.77.2.1');
    expect(ipv4Text(new DataView(bytes.buffer, 1), 1)).toBe('10.77.2.1');
    expect(ipv4Text(bytes.subarray(1), 1)).toBe('10.77.2.1');
  });

  it('beyond the end of the bytes are an error, not an address', () => {
    expect(() => ipv6Text(new Uint8Array(20), 5)).toThrow(RangeError);
  });

  it('read as text and written again are the same bytes, whatever the cache holds', () => {
    fc.assert(
      fc.property(fc.oneof(sixteen, sparse), (bytes) => {
        const expected = ipaddr.fromByteArray([...bytes]);
        const text = ipv6Text(bytes, 0);
        if (expected instanceof ipaddr.IPv6 && expected.isIPv4MappedAddress()) {
          expect(text).toBe(expected.toIPv4Address().toString());
        } else {
          expect(ipaddr.parse(text).toByteArray()).toEqual([...bytes]);
          expect(canonicalAddress(text)).toBe(text);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('addresses as text', () => {
  it.each([
    ['10.77.1.1', '10.77.1.1'],
    ['10.77.2.1%wlan0', '10.77.2.1'],
    ['[::ffff:10.77.1.2]', '10.77.1.2'],
    ['::ffff:0a4d:0102', '10.77.1.2'],
    ['[fd77:2::1]', 'fd77:2::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%eth0]', 'fe80::1'],
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ])('%s becomes %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it.each(['', '*', '10.1', '010.0.0.1.2', '1.2.3.256', '::g', 'localhost', '[::1', '10.0.0.1 '])(
    '%j is malformed',
    (text) => {
      expect(() => canonicalAddress(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
    },
  );

  it('of any other kind are malformed, never anything else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        try {
          expect(ipaddr.isValid(canonicalAddress(text))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ExporterError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
