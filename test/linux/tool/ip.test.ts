import { describe, expect, it } from 'vitest';
import { parseInterfaces } from '../../../exporter/src/linux/tool/ip.ts';
import { captured } from './captures.ts';

const LINK = { ifindex: 2, ifname: 'eth0', flags: ['BROADCAST', 'UP', 'LOWER_UP'], addr_info: [] };

const parse = (...links: readonly object[]) => parseInterfaces(JSON.stringify(links));
const failing = (text: string) => () => parseInterfaces(text);

describe('the interfaces by ip', () => {
  it("are those of the captured scene's client", () => {
    const [lo, ...links] = parseInterfaces(captured('client', 'ip-addr.json'));
    expect(lo).toEqual({
      name: 'lo',
      index: 1,
      loopback: true,
      up: true,
      carrier: true,
      addresses: [
        { address: '127.0.0.1', prefixLength: 8, scope: 'host' },
        { address: '::1', prefixLength: 128, scope: 'host' },
      ],
    });
    expect(links.map(({ name, index, loopback }) => [name, index, loopback])).toEqual([
      ['eth0', 59, false],
      ['wlan0', 61, false],
      ['lte0', 63, false],
    ]);
    expect(links[2]?.addresses).toEqual([
      { address: '10.77.3.1', prefixLength: 24, scope: 'global' },
      { address: 'fd77:3::1', prefixLength: 64, scope: 'global' },
      { address: 'fe80::60a1:70ff:fe5e:847c', prefixLength: 64, scope: 'link' },
    ]);
  });

  it('have their counters and carrier changes where ip was asked for them', () => {
    const stats64 = {
      rx: { bytes: 1, packets: 9, errors: 2, dropped: 3 },
      tx: { bytes: 4, packets: 9, errors: 5, dropped: 6, carrier_changes: 7 },
    };
    expect(parse({ ...LINK, stats64 })[0]).toMatchObject({
      carrierChanges: 7,
      counters: {
        receivedBytes: 1,
        receiveErrors: 2,
        receiveDropped: 3,
        transmittedBytes: 4,
        transmitErrors: 5,
        transmitDropped: 6,
      },
    });
    expect(parse(LINK)[0]).not.toHaveProperty('counters');
    expect(parse(LINK)[0]).not.toHaveProperty('carrierChanges');
  });

  it.each([
    [['UP', 'LOWER_UP'], { up: true, carrier: true }],
    [['NO-CARRIER', 'UP'], { up: true, carrier: false }],
  ])('have the carrier that %j means', (flags, expected) => {
    expect(parse({ ...LINK, flags })[0]).toMatchObject(expected);
  });

  it('have no known carrier while they are down', () => {
    const [link] = parse({ ...LINK, flags: ['BROADCAST'] });
    expect(link?.up).toBe(false);
    expect(link).not.toHaveProperty('carrier');
  });

  it('on a point-to-point link have their own address, not the peer’s', () => {
    const addr_info = [{ family: 'inet', local: '10.1.1.1', address: '10.1.1.2', prefixlen: 32, scope: 'global' }];
    expect(parse({ ...LINK, addr_info })[0]?.addresses).toEqual([
      { address: '10.1.1.1', prefixLength: 32, scope: 'global' },
    ]);
  });

  it('leave out what ip leaves out, and addresses that are not IP', () => {
    const addr_info = [{}, { family: 'mctp', local: '8', prefixlen: 0 }];
    expect(parse({}, { ...LINK, addr_info })).toEqual([
      { name: 'eth0', index: 2, loopback: false, up: true, carrier: true, addresses: [] },
    ]);
  });

  it.each([
    ['no JSON', 'Object "address" is unknown'],
    ['JSON cut short', captured('client', 'ip-addr.json').slice(0, 1000)],
    ['no list', '{}'],
    ['a link without a name', '[{"ifindex":1,"flags":[]}]'],
    ['a link without flags', '[{"ifindex":1,"ifname":"lo"}]'],
    [
      'an address that is none',
      '[{"ifname":"lo","flags":[],"addr_info":[{"family":"inet","local":"x","prefixlen":8}]}]',
    ],
    ['a counter below 0', '[{"ifname":"lo","flags":[],"stats64":{"rx":{"bytes":-1,"errors":0,"dropped":0},"tx":{}}}]'],
  ])('are malformed: %s', (_, text) => {
    expect(failing(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});
