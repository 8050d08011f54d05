import { describe, expect, it } from 'vitest';
import { ownerOf, readInterfaces } from '../../../exporter/src/linux/proc/interfaces.ts';
import { fixturePath, outOfTree } from './tree.ts';

const ROUTES = [
  { interfaceName: 'eth0', network: '192.168.1.0', prefixLength: 24 },
  { interfaceName: 'wlan0', network: '192.168.1.0', prefixLength: 24 },
  { interfaceName: 'wwan0', network: '10.64.12.4', prefixLength: 30 },
  { interfaceName: 'tun0', network: '10.0.0.0', prefixLength: 8 },
  { interfaceName: 'all0', network: '0.0.0.0', prefixLength: 0 },
];

describe('readInterfaces', () => {
  it('reads the two uplinks of the scene with their addresses and counters', async () => {
    const { rows, malformed } = await readInterfaces(fixturePath('out-of-tree-v0.91'));
    expect(malformed).toBe(0);
    expect(rows).toMatchObject([
      {
        name: 'eth0',
        index: 2,
        loopback: false,
        addresses: [
          { address: '192.168.1.10', prefixLength: 24 },
          { address: 'fe80::5054:ff:fe12:3456', prefixLength: 64, scope: 'link' },
          { address: '2001:db8:1::10', prefixLength: 64, scope: 'global' },
        ],
        counters: { receivedBytes: 981442017, transmittedBytes: 3411902883 },
      },
      { name: 'wwan0', loopback: false, addresses: [{ address: '10.64.12.6', prefixLength: 30 }] },
      {
        name: 'lo',
        loopback: true,
        addresses: [
          { address: '127.0.0.1', prefixLength: 8, scope: 'host' },
          { address: '::1', prefixLength: 128, scope: 'host' },
        ],
      },
    ]);
  });

  it('leaves out carrier and state, which /proc does not tell', async () => {
    for (const row of (await readInterfaces(fixturePath('out-of-tree-v0.91'))).rows) {
      for (const absent of ['carrier', 'carrierChanges', 'up']) expect(row).not.toHaveProperty(absent);
    }
  });

  it('does without if_inet6, but says so when the IPv4 addresses cannot be read', async () => {
    expect((await readInterfaces(outOfTree({ 'net/if_inet6': null }))).rows[0]?.addresses).toEqual([
      { address: '192.168.1.10', prefixLength: 24 },
    ]);
    await expect(readInterfaces(outOfTree({ 'net/fib_trie': null }))).rejects.toMatchObject({ code: 'not_supported' });
    await expect(readInterfaces(outOfTree({ 'net/dev': '' }))).rejects.toMatchObject({ code: 'malformed' });
  });
});

describe('ownerOf', () => {
  it.each([
    ['10.64.12.6', { interfaceName: 'wwan0', prefixLength: 30 }],
    ['10.1.2.3', { interfaceName: 'tun0', prefixLength: 8 }],
    ['127.0.0.1', { interfaceName: 'lo', prefixLength: 8 }],
    ['203.0.113.1', undefined],
  ])('gives %s to the interface whose network holds it most closely', (address, owner) => {
    expect(ownerOf(address, ROUTES, new Map())).toEqual(owner);
  });

  it('does not guess between two interfaces on one network', () => {
    expect(ownerOf('192.168.1.10', ROUTES, new Map())).toBeUndefined();
  });

  it('asks the machine itself where /proc cannot tell', () => {
    const owner = { interfaceName: 'wlan0', prefixLength: 24 };
    expect(ownerOf('192.168.1.10', ROUTES, new Map([['192.168.1.10', owner]]))).toEqual(owner);
  });
});
