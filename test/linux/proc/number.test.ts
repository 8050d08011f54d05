import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decimalNumber,
  hexAddress,
  hexNumber,
  hexPair,
  hexSocketAddress,
} from '../../../exporter/src/linux/proc/number.ts';

describe('hexAddress', () => {
  it.each([
    ['6601A8C0', true, '192.168.1.102'],
    ['C0A80166', false, '192.168.1.102'],
    ['0100007F', true, '127.0.0.1'],
    ['B80D0120000001000000000010000000', true, '2001:db8:1::10'],
    ['20010DB8000100000000000000000010', false, '2001:db8:1::10'],
    ['0000000000000000FFFF00000A01A8C0', true, '192.168.1.10'],
    ['00000000000000000000000000000000', true, '::'],
  ])('reads %s (little endian: %s) as %s', (text, littleEndian, address) => {
    expect(hexAddress(text, littleEndian)).toBe(address);
  });

  it.each(['', '6601A8C', '6601A8C00', '6601A8CG', 'B80D01200000010000000000100000', '-601A8C0', 'é601A8C0'])(
    'refuses %s',
    (text) => {
      expect(hexAddress(text)).toBeUndefined();
    },
  );

  it('gives back every IPv4 address', () => {
    const byte = fc.nat({ max: 255 });
    fc.assert(
      fc.property(fc.tuple(byte, byte, byte, byte), (bytes) => {
        const hex = bytes.map((value) => value.toString(16).padStart(2, '0')).reverse();
        expect(hexAddress(hex.join('').toUpperCase(), true)).toBe(bytes.join('.'));
      }),
    );
  });
});

describe('hexSocketAddress', () => {
  it('reads address and port', () => {
    expect(hexSocketAddress('6601A8C0:E89F', true)).toEqual({ address: '192.168.1.102', port: 59551 });
  });

  it.each([undefined, '', ':', '6601A8C0', '6601A8C0:', '6601A8C0:1E89F', '6601A8C0:E89F:0', ':E89F', '6601A8C0:-1'])(
    'refuses %s',
    (text) => {
      expect(hexSocketAddress(text)).toBeUndefined();
    },
  );
});

describe('numbers', () => {
  it('reads hexadecimal up to the bound', () => {
    expect(hexNumber('FFFFFFFF')).toBe(0xffffffff);
    expect(hexNumber('0A', 0xff)).toBe(10);
    for (const text of ['100', '', '-1', '0x1', ' 1', undefined]) expect(hexNumber(text, 0xff)).toBeUndefined();
    expect(hexNumber('123456789')).toBeUndefined();
  });

  it('reads decimal that a double holds exactly', () => {
    expect(decimalNumber('4294967296')).toBe(2 ** 32);
    for (const text of ['9007199254740993', '', '-1', '1.5', '1e3', undefined]) {
      expect(decimalNumber(text)).toBeUndefined();
    }
  });

  it('reads a pair of queues', () => {
    expect(hexPair('00057E40:000005A8')).toEqual([0x57e40, 0x5a8]);
    for (const text of ['00057E40', '00057E40:', ':', '1:2:3', undefined]) expect(hexPair(text)).toBeUndefined();
  });
});
