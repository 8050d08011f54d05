import { describe, expect, it } from 'vitest';
import { networkInterface } from '../../support/scene.ts';
import { ETH, Timeline, WLAN } from './timeline.ts';
import { expectHealthy, transfer } from './transfer.ts';

describe('the link', () => {
  const wlan0 = networkInterface('wlan0', 2);
  const others = new Timeline().interfaces.filter(({ name }) => name !== 'wlan0');

  it.each([
    ['carrier_lost', [...others, { ...wlan0, carrier: false }]],
    ['carrier_lost', [...others, { ...wlan0, up: false }]],
    ['interface_gone', others],
    [
      'address_changed',
      [...others, { ...wlan0, addresses: [{ address: '10.77.2.99', prefixLength: 24, scope: 'global' }] }],
    ],
    ['address_changed', [...others, { ...wlan0, addresses: [] }]],
  ])('is down at the next look, %s, and back when it is', (reason, interfaces) => {
    for (const rules of [[], [{ name: 'wlan0', interface: 'wlan0' }], [{ name: 'wlan0', local: '10.77.2.0/24' }]]) {
      const { timeline, eth, wlan } = transfer('up', new Timeline({}, rules));
      const start = timeline.now;
      const { interfaces: whole } = timeline;
      timeline.answerBy(() => wlan.dead);
      timeline.interfaces = interfaces;
      wlan.dead = true;
      timeline.run(5);
      expect(timeline.enteredAfter('wlan0', 'down', start)).toBeLessThanOrEqual(1);
      expect(timeline.reasons('wlan0')).toEqual([reason]);
      if (rules.length === 0) expectHealthy(timeline, 'eth0', start);
      const back = timeline.now;
      timeline.interfaces = whole;
      wlan.dead = false;
      timeline.run(20);
      expect(timeline.enteredAfter('wlan0', 'up', back)).toBeLessThanOrEqual(5);
      expect(timeline.durations.map(({ kind }) => kind)).toEqual(['failover', 'recovery']);
      expect(eth.dead).toBe(false);
    }
  });

  it('is up again when a connection uses the new address', () => {
    const { timeline, wlan } = transfer('up');
    timeline.interfaces = [
      ...others,
      { ...wlan0, addresses: [{ address: '10.77.2.99', prefixLength: 24, scope: 'global' }] },
    ];
    wlan.dead = true;
    timeline.run(3);
    const again = timeline.join(1, '10.77.2.99');
    again.sending = true;
    timeline.run(3);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
  });

  it('of an unplugged stick is remembered as gone, and forgotten in the end', () => {
    const { timeline, wlan } = transfer('up');
    timeline.interfaces = others;
    wlan.gone = true;
    timeline.run(600, 10);
    expect(timeline.paths.get('wlan0')?.state).toBe('down');
    timeline.run(4000, 100);
    expect(timeline.paths.has('wlan0')).toBe(false);
  });

  it('whose stick is pulled out stays down when its interface index goes to another interface meanwhile', () => {
    const { timeline, wlan } = transfer('up');
    timeline.interfaces = others;
    wlan.gone = true;
    timeline.run(3);
    timeline.interfaces = [...others, { ...wlan0, name: 'veth7', addresses: [] }];
    timeline.run(3);
    expect(timeline.paths.get('wlan0')).toMatchObject({ state: 'down', reasons: new Set(['interface_gone']) });
    timeline.interfaces = [...others, { ...wlan0, index: 77 }];
    timeline.join(1, WLAN).sending = true;
    timeline.run(3);
    expect(timeline.states('wlan0')).toEqual(['unused', 'up', 'down', 'up']);
    expect(timeline.paths.get('wlan0')?.changes).toMatchObject({ up: 2, down: 1 });
  });

  it('goes on with its changes when it is judged again after it was renamed, or long gone', () => {
    const { timeline, wlan } = transfer('up');
    timeline.interfaces = [...others, { ...wlan0, carrier: false }];
    timeline.run(3);
    timeline.interfaces = [...others, { ...wlan0, name: 'wan1' }];
    wlan.gone = true;
    timeline.run(3);
    expect(timeline.paths.has('wlan0')).toBe(false);
    timeline.interfaces = [...others, wlan0];
    timeline.join(1, WLAN).sending = true;
    timeline.run(3);
    expect(timeline.paths.get('wlan0')).toMatchObject({ state: 'up', changes: { down: 1, up: 2 } });
    const again = timeline.flows.at(-1);
    if (again !== undefined) again.gone = true;
    timeline.interfaces = others;
    timeline.run(4000, 100);
    expect(timeline.paths.has('wlan0')).toBe(false);
    timeline.interfaces = [...others, wlan0];
    timeline.join(1, WLAN).sending = true;
    timeline.run(3);
    expect(timeline.paths.get('wlan0')).toMatchObject({ state: 'up', changes: { down: 2, up: 3 } });
    expect(timeline.durations.filter(({ seconds }) => seconds > 100)).toEqual([]);
  });

  it('of thousands that come and go stays within a bound, whether used or not', () => {
    const timeline = new Timeline();
    const [eth] = timeline.connect(1, [ETH]);
    if (eth !== undefined) eth.sending = true;
    for (let index = 0; index < 1200; index++) {
      const address = `10.${80 + Math.floor(index / 200)}.${index % 200}.1`;
      const addresses = [{ address, prefixLength: 24, scope: 'global' }];
      timeline.interfaces = [...others, { ...wlan0, name: `stick${index}`, index: 100 + index, addresses }];
      const flow = index % 2 === 0 ? timeline.join(1, address) : undefined;
      timeline.run(2);
      if (flow !== undefined) flow.gone = true;
    }
    expect(timeline.health.held.paths).toBeLessThanOrEqual(513);
    expect(timeline.paths.get('eth0')?.state).toBe('up');
  });

  it('that was renamed is forgotten under its old name', () => {
    const { timeline } = transfer('up');
    timeline.interfaces = [...others, { ...wlan0, name: 'wan1' }];
    timeline.endpoints = undefined;
    timeline.run(3);
    expect([...timeline.paths.keys()].sort()).toEqual(['eth0', 'lte0', 'wan1']);
    expect(timeline.paths.get('wan1')?.state).toBe('up');
  });

  it('that was renamed is no fault of the old name, under which a closing subflow of a former address lingers', () => {
    const { timeline, wlan } = transfer('up');
    wlan.sending = false;
    wlan.overrides = { state: 'fin_wait_1', local: { address: '10.77.2.99', port: 40_002 } };
    timeline.run(2);
    timeline.interfaces = [...others, { ...wlan0, name: 'wan1' }];
    timeline.endpoints = undefined;
    timeline.join(1, WLAN);
    timeline.run(3);
    expect(timeline.paths.has('wlan0')).toBe(false);
    expect(timeline.paths.get('wan1')?.state).toBe('up');
  });

  it('that no connection wants may be down without being a fault', () => {
    const timeline = new Timeline();
    timeline.interfaces = [...others, { ...wlan0, carrier: false }];
    timeline.connect(1, [ETH]);
    timeline.run(5);
    expect(timeline.paths.get('wlan0')).toMatchObject({ state: 'unused' });
  });

  it('of a configured path that was never there is gone', () => {
    const timeline = new Timeline({}, [{ name: 'stick', interface: 'usb0' }]);
    timeline.run(1);
    expect(timeline.paths.get('stick')?.state).toBe('down');
    expect(timeline.reasons('stick')).toEqual(['interface_gone']);
  });
});
