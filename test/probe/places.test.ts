import { describe, expect, it } from 'vitest';
import type { NetworkInterface, PathRule } from '../../exporter/src/mptcp/model.ts';
import { placesBy } from '../../exporter/src/probe/places.ts';
import { INTERFACES, networkInterface, reading, snapshot } from '../support/scene.ts';

function places(rules: readonly PathRule[], interfaces: readonly NetworkInterface[] = INTERFACES) {
  return placesBy(rules)(snapshot(reading({}, { interfaces: { value: interfaces } }), rules));
}

const WLAN = { path: 'wifi', interfaceName: 'wlan0', addresses: ['10.77.2.1', 'fd77:2::1'], metered: false };

describe('where a path leaves', () => {
  it('by its interface, with the addresses that reach beyond the link', () => {
    expect(places([{ name: 'wifi', interface: 'wlan0' }])).toEqual([WLAN]);
  });

  it('by its address, whatever the interface is called', () => {
    const rules = [{ name: 'wifi', local: '10.77.2.0/24', metered: true }];
    const renamed = networkInterface('wlx00', 2);
    expect(places(rules)).toEqual([{ ...WLAN, addresses: ['10.77.2.1'], metered: true }]);
    expect(places(rules, [renamed])).toEqual([
      { path: 'wifi', interfaceName: 'wlx00', addresses: ['10.77.2.1'], metered: true },
    ]);
  });

  it.each([
    ['is gone', []],
    ['is down', [networkInterface('wlan0', 2, { up: false })]],
    ['has no carrier', [networkInterface('wlan0', 2, { carrier: false })]],
  ])('nowhere when its interface %s', (_, interfaces) => {
    expect(places([{ name: 'wifi', interface: 'wlan0' }], interfaces)).toEqual([
      { path: 'wifi', addresses: [], metered: false },
    ]);
  });

  it('without an address while its interface has none', () => {
    const bare = networkInterface('wlan0', 2, { addresses: [{ address: 'fe80::2', prefixLength: 64, scope: 'link' }] });
    expect(places([{ name: 'wifi', interface: 'wlan0' }], [bare])).toEqual([{ ...WLAN, addresses: [] }]);
  });

  it('by the one of several interfaces that can carry', () => {
    const rules = [{ name: 'phone', local: '10.77.0.0/16' }];
    const [first, second] = [networkInterface('usb0', 1, { carrier: false }), networkInterface('usb1', 2)];
    expect(places(rules, [first, second])).toMatchObject([{ interfaceName: 'usb1' }]);
  });

  it('is not known of a path that is told by its far end alone, and never loopback', () => {
    expect(
      places([
        { name: 'far', remote: '192.0.2.0/24' },
        { name: 'own', interface: 'lo' },
      ]),
    ).toEqual([{ path: 'own', addresses: [], metered: false }]);
  });

  it('a far end beside an interface does not matter: the target may be anywhere', () => {
    expect(places([{ name: 'wifi', interface: 'wlan0', remote: '192.0.2.0/24' }])).toEqual([WLAN]);
  });
});

describe('without configured paths', () => {
  it('each interface is one that has an endpoint', () => {
    const endpoints = { value: { endpoints: [{ id: 1, address: '10.77.2.1', flags: ['subflow'] }] } };
    expect(placesBy([])(snapshot(reading({}, { endpoints })))).toEqual([{ ...WLAN, path: 'wlan0' }]);
  });

  it('one that a probe names is one too, though nothing uses it', () => {
    const found = placesBy(
      [],
      new Set(['wlan0', 'no such']),
    )(snapshot(reading({}, { interfaces: { value: INTERFACES } })));
    expect(found).toEqual([{ ...WLAN, path: 'wlan0' }]);
  });

  it('none while nothing uses MPTCP', () => {
    expect(places([])).toEqual([]);
  });
});
