import { describe, expect, it } from 'vitest';
import {
  contains,
  parseConnectedRoutes,
  parseIpv6Addresses,
  parseLocalIpv4,
} from '../../../exporter/src/linux/proc/address-tables.ts';
import { fixture } from './tree.ts';

describe('parseIpv6Addresses', () => {
  it('reads addresses, scopes and interface indices', () => {
    const { rows, malformed } = parseIpv6Addresses(fixture('out-of-tree-v0.91/net/if_inet6'));
    expect(malformed).toBe(0);
    expect(rows).toEqual([
      { interfaceName: 'eth0', interfaceIndex: 2, address: 'fe80::5054:ff:fe12:3456', prefixLength: 64, scope: 'link' },
      { interfaceName: 'lo', interfaceIndex: 1, address: '::1', prefixLength: 128, scope: 'host' },
      { interfaceName: 'eth0', interfaceIndex: 2, address: '2001:db8:1::10', prefixLength: 64, scope: 'global' },
    ]);
  });

  it('reads a machine without IPv6 addresses as none', () => {
    expect(parseIpv6Addresses('')).toEqual({ rows: [], malformed: 0 });
  });
});

describe('parseConnectedRoutes', () => {
  it('reads the networks on the wire, and leaves out routes through a gateway', () => {
    expect(parseConnectedRoutes(fixture('out-of-tree-v0.91/net/route'))).toEqual({
      rows: [
        { interfaceName: 'wwan0', network: '10.64.12.4', prefixLength: 30 },
        { interfaceName: 'eth0', network: '192.168.1.0', prefixLength: 24 },
      ],
      malformed: 0,
    });
  });

  it.each([
    ['a mask with a hole', 'eth0 0001A8C0 00000000 0001 0 0 0 00FF00FF 0 0 0'],
    ['no mask', 'eth0 0001A8C0 00000000 0001'],
  ])('counts a route with %s', (_, row) => {
    const { rows, malformed } = parseConnectedRoutes(`${fixture('out-of-tree-v0.91/net/route')}${row}\n`);
    expect([rows.length, malformed]).toEqual([2, 1]);
  });
});

describe('parseLocalIpv4', () => {
  it('finds the own addresses, not networks and broadcasts', () => {
    expect(parseLocalIpv4(fixture('out-of-tree-v0.91/net/fib_trie'))).toEqual({
      rows: ['10.64.12.6', '127.0.0.1', '192.168.1.10'],
      malformed: 0,
    });
  });

  it('lists an address once where the kernel prints the merged table twice', () => {
    const text = fixture('out-of-tree-v0.91/net/fib_trie');
    expect(parseLocalIpv4(`${text}${text}`).rows).toHaveLength(3);
  });

  it('counts an address that it cannot read and keeps the others', () => {
    const text = fixture('out-of-tree-v0.91/net/fib_trie').replace('|-- 10.64.12.6', '|-- 10.64.12.600');
    expect(parseLocalIpv4(text)).toEqual({ rows: ['127.0.0.1', '192.168.1.10'], malformed: 1 });
  });

  it('fails on a text that is no such listing', () => {
    expect(() => parseLocalIpv4('')).toThrowError(expect.objectContaining({ code: 'malformed' }));
  });
});

describe('contains', () => {
  it.each([
    ['192.168.1.0', 24, '192.168.1.255', true],
    ['192.168.1.0', 24, '192.168.2.0', false],
    ['10.64.12.4', 30, '10.64.12.7', true],
    ['10.64.12.4', 30, '10.64.12.8', false],
    ['203.0.113.1', 32, '203.0.113.1', true],
    ['0.0.0.0', 0, '203.0.113.1', true],
    ['128.0.0.0', 1, '255.0.0.1', true],
  ])('%s/%i and %s: %s', (network, prefixLength, address, expected) => {
    expect(contains({ interfaceName: 'x', network, prefixLength }, address)).toBe(expected);
  });
});
