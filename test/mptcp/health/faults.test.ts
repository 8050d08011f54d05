import { describe, expect, it } from 'vitest';
import { networkInterface } from '../../support/scene.ts';
import { ETH, type Flow, LTE, SERVER_INITIAL, SERVER_JOIN, Timeline, WLAN } from './timeline.ts';

const ENDPOINT = { id: 1, address: WLAN, interfaceName: 'wlan0', flags: ['subflow'] };

/** A client with a transfer over eth0 and wlan0 that has run long enough to know what is normal. */
function transfer(direction: 'up' | 'down', timeline = new Timeline()): { timeline: Timeline; eth: Flow; wlan: Flow } {
  timeline.endpoints = { endpoints: [ENDPOINT], limits: { subflows: 2, addAddrAccepted: 0 } };
  timeline.run(2);
  const [eth, wlan] = timeline.connect(1, [ETH, WLAN]);
  if (eth === undefined || wlan === undefined) throw new Error('no flows');
  for (const flow of [eth, wlan]) flow[direction === 'up' ? 'sending' : 'receiving'] = true;
  timeline.run(12);
  return { timeline, eth, wlan };
}

/** What every fault on wlan0 must leave alone. */
function expectHealthy(timeline: Timeline, path: string, since: number): void {
  expect(timeline.states(path, since)).toEqual(['up']);
}

describe('a silent blackhole while uploading', () => {
  it.each([0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])(
    'is stalled within 2 s, %d s after a look, advised looks or not',
    (offset) => {
      for (const eager of [true, false]) {
        const { timeline, wlan } = transfer('up');
        timeline.eager = eager;
        const start = timeline.now + offset;
        timeline.answerBy((path) => path === 'wlan0');
        // The flow's clock stands still until the next look, which the fault precedes.
        timeline.flows.forEach((flow) => {
          flow.pass(start);
        });
        wlan.dead = true;
        timeline.run(6);
        expect(timeline.enteredAfter('wlan0', 'stalled', start)).toBeLessThanOrEqual(2);
        expect(timeline.reasons('wlan0')).toEqual(['no_acknowledgements']);
        expectHealthy(timeline, 'eth0', start);
      }
    },
  );

  it('is stalled within 2 s, too, when the path had lost something for some seconds before', () => {
    const { timeline, wlan } = transfer('up');
    timeline.answerBy((path) => path === 'wlan0');
    wlan.lossRatio = 0.1;
    timeline.run(6);
    const start = timeline.now;
    wlan.dead = true;
    timeline.run(6);
    expect(timeline.states('wlan0', start)).toEqual(['up', 'stalled']);
    expect(timeline.enteredAfter('wlan0', 'stalled', start)).toBeLessThanOrEqual(2);
  });

  it('is up again within 5 s of the link’s return though the sender backs off for longer', () => {
    const { timeline, wlan } = transfer('up');
    let dead = true;
    let returned = Number.POSITIVE_INFINITY;
    // As the kernel does: SYN, and again each second.
    timeline.answer = ({ verdictSeconds, timeoutSeconds }) => {
      if (!dead) return [{ alive: true, afterSeconds: 0.03 }];
      const silence = { alive: false, afterSeconds: verdictSeconds };
      const syn = [1, 2, 3, 4].find((after) => timeline.now + after > returned && after < timeoutSeconds);
      return syn === undefined ? [silence] : [silence, { alive: true, afterSeconds: syn + 0.03 }];
    };
    wlan.dead = true;
    timeline.run(20);
    for (const again of [0.3, 1.7, 2.2, 4.1]) {
      returned = timeline.now + again;
      timeline.run(again, 0.1);
      wlan.dead = false;
      dead = false;
      timeline.run(6);
      expect(timeline.enteredAfter('wlan0', 'up', returned)).toBeLessThanOrEqual(5);
      dead = true;
      returned = Number.POSITIVE_INFINITY;
      timeline.run(20);
      wlan.dead = true;
      timeline.run(20);
      expect(timeline.paths.get('wlan0')?.state).toBe('stalled');
    }
  });

  it('tells how long the connection took to move elsewhere, and the path to move data again', () => {
    const { timeline, eth, wlan } = transfer('up');
    timeline.answerBy(() => wlan.dead);
    eth.sending = false;
    timeline.run(3);
    wlan.dead = true;
    timeline.run(3);
    eth.sending = true;
    timeline.run(5);
    const failover = timeline.durations.filter(({ kind }) => kind === 'failover');
    expect(failover).toMatchObject([{ path: 'wlan0' }]);
    expect(failover[0]?.seconds).toBeGreaterThan(2.9);
    expect(failover[0]?.seconds).toBeLessThan(4.1);
    wlan.dead = false;
    timeline.run(20);
    const recovery = timeline.durations.filter(({ kind }) => kind === 'recovery');
    expect(recovery).toMatchObject([{ path: 'wlan0' }]);
    expect(recovery[0]?.seconds).toBeLessThan(15);
    expect(recovery[0]?.seconds).toBeGreaterThan(0.5);
  });

  it('counts a failover of 0 for a connection that never stopped', () => {
    const { timeline, wlan } = transfer('up');
    timeline.answerBy(() => wlan.dead);
    wlan.dead = true;
    timeline.run(4);
    expect(timeline.durations).toMatchObject([{ kind: 'failover', path: 'wlan0', seconds: 0 }]);
  });

  it('is seen at the first look of an exporter that was started during it', () => {
    const { timeline, wlan } = transfer('up');
    wlan.dead = true;
    timeline.run(5);
    const restarted = new Timeline();
    restarted.now = timeline.now;
    restarted.connections = timeline.connections;
    restarted.flows = timeline.flows;
    restarted.look();
    expect(restarted.paths.get('wlan0')?.state).toBe('stalled');
    expect(restarted.paths.get('eth0')?.state).toBe('up');
  });

  it('does not leave the path degraded for what it retransmits afterwards', () => {
    const { timeline, wlan } = transfer('up');
    timeline.answerBy(() => wlan.dead);
    wlan.dead = true;
    timeline.run(7);
    wlan.dead = false;
    const back = timeline.now;
    timeline.run(40);
    expect(timeline.states('wlan0', back)).toEqual(['stalled', 'up']);
  });

  it('on a server is told of the path all of whose clients are silent, not of one that others use', () => {
    const timeline = new Timeline();
    timeline.run(1);
    timeline.connect(1, []);
    const one = timeline.join(1, ETH, SERVER_INITIAL);
    const two = timeline.join(1, ETH, SERVER_JOIN);
    one.sending = two.sending = true;
    timeline.run(5);
    two.dead = true;
    timeline.run(10);
    expect(timeline.states('eth0', 102)).toEqual(['up']);
    expect(timeline.subflows).toEqual(['active', 'stalled']);
    one.dead = true;
    timeline.run(3);
    expect(timeline.paths.get('eth0')?.state).toBe('stalled');
    expect(timeline.asked).toEqual([]);
  });

  it('stays stalled without checks until an acknowledgement comes', () => {
    const { timeline, wlan } = transfer('up', new Timeline({ confirm: 'off' }));
    wlan.dead = true;
    timeline.run(8);
    wlan.dead = false;
    timeline.run(2);
    expect(timeline.paths.get('wlan0')?.state).toBe('stalled');
    timeline.run(10);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
    expect(timeline.asked).toEqual([]);
  });

  it('is degraded, not up, when checks get through and the subflows’ own retries do not', () => {
    const { timeline, wlan } = transfer('up');
    const start = timeline.now;
    wlan.dead = true;
    timeline.run(40);
    expect(timeline.paths.get('wlan0')?.state).toBe('degraded');
    expect(timeline.reasons('wlan0')).toEqual(['high_loss', 'no_acknowledgements']);
    // Five seconds after the first check, which comes a second after the fault.
    expect(timeline.toldAfter('wlan0', 'no_acknowledgements', start + 2)).toBeGreaterThanOrEqual(4);
    expect(timeline.toldAfter('wlan0', 'no_acknowledgements', start + 2)).toBeLessThanOrEqual(9);
  });
});

describe('a silent blackhole while downloading, which the receiving end sees nothing of', () => {
  it.each([0, 0.01, 0.1, 0.2, 0.5, 0.8, 0.999])(
    'is stalled within 2.5 s, the check included, %d s after a look',
    (offset) => {
      const { timeline, wlan } = transfer('down');
      const start = timeline.now + offset;
      timeline.answerBy((path) => path === 'wlan0');
      timeline.flows.forEach((flow) => {
        flow.pass(start);
      });
      wlan.dead = true;
      timeline.run(3.2);
      expect(timeline.enteredAfter('wlan0', 'stalled', start)).toBeLessThanOrEqual(2.5);
      expect(timeline.reasons('wlan0')).toEqual(['no_data_arriving']);
      expect(timeline.subflows).toEqual(['active', 'silent']);
      expectHealthy(timeline, 'eth0', start);
      expect(timeline.states('wlan0', start)).toEqual(['up', 'stalled']);
      expect(timeline.asked[0]).toMatchObject({
        path: 'wlan0',
        interfaceName: 'wlan0',
        localAddress: WLAN,
        peer: { address: '10.77.1.2', port: 7001 },
      });
    },
  );

  it('is up again when a check gets through, long before the sender tries again', () => {
    const { timeline, wlan } = transfer('down');
    let dead = true;
    timeline.answerBy(() => dead);
    wlan.dead = true;
    timeline.run(15);
    const back = timeline.now;
    dead = false;
    timeline.run(10);
    expect(timeline.enteredAfter('wlan0', 'up', back)).toBeLessThanOrEqual(5.1);
    wlan.dead = false;
    timeline.run(5);
    expect(timeline.states('wlan0', back)).toEqual(['stalled', 'up']);
    expect(timeline.durations.filter(({ kind }) => kind === 'recovery')).toHaveLength(1);
  });

  it('is over for a subflow at the look that shows it receive again, though that was a moment before', () => {
    const { timeline, wlan } = transfer('down');
    timeline.answerBy(() => true);
    wlan.dead = true;
    timeline.run(4);
    expect(timeline.subflows).toEqual(['active', 'silent']);
    wlan.dead = false;
    wlan.pass(timeline.now + 0.1);
    wlan.receiving = false;
    timeline.run(1);
    expect(timeline.subflows).toEqual(['active', 'active']);
  });

  it('stays stalled when the download ends, until something is heard', () => {
    const { timeline, eth, wlan } = transfer('down');
    timeline.answerBy(() => wlan.dead);
    wlan.dead = true;
    timeline.run(6);
    eth.receiving = false;
    timeline.run(20);
    expect(timeline.paths.get('wlan0')?.state).toBe('stalled');
    wlan.dead = false;
    timeline.run(6);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
  });

  it('is checked at most once in 5 s and path', () => {
    const { timeline, wlan } = transfer('down');
    timeline.answerBy(() => true);
    wlan.dead = true;
    timeline.run(60, 0.25);
    const times = timeline.asked.map(({ at }) => at);
    expect(times.length).toBeGreaterThan(8);
    times.slice(1).forEach((at, index) => {
      expect(at - (times[index] ?? 0)).toBeGreaterThanOrEqual(5);
    });
  });

  it.each([
    ['checks are off', { confirm: 'off' as const }, () => []],
    ['no answer is reported', {}, () => []],
  ])('only degrades the path when %s', (_why, settings, answer) => {
    const { timeline, wlan } = transfer('down', new Timeline(settings));
    timeline.answer = answer;
    wlan.dead = true;
    timeline.run(8);
    expect(timeline.paths.get('wlan0')?.state).toBe('degraded');
    expect(timeline.reasons('wlan0')).toEqual(['no_data_arriving']);
    wlan.dead = false;
    timeline.run(2);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
  });
});

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

describe('a subflow that is not there', () => {
  const closed = (flow: Flow, extra: { error?: number; resetReason?: number }) => ({
    name: 'subflow_closed' as const,
    token: 1,
    local: { address: flow.address, port: 40_000 + flow.cookie },
    remote: { address: '10.77.1.2', port: 7001 },
    ...extra,
  });

  it.each([
    ['reset_by_peer', { error: 103 }],
    ['reset_by_peer', { error: 104 }],
    ['reset_by_peer', { resetReason: 2 }],
    ['endpoint_removed', {}],
    ['no_acknowledgements', { error: 110 }],
  ])('is missing within 1 s: %s by the event %j', (reason, extra) => {
    const { timeline, wlan } = transfer('up');
    wlan.gone = true;
    timeline.events = [closed(wlan, extra)];
    const start = timeline.now;
    timeline.look();
    timeline.run(10);
    expect(timeline.enteredAfter('wlan0', 'missing', start)).toBeLessThanOrEqual(1);
    expect(timeline.reasons('wlan0')).toEqual([reason]);
    expectHealthy(timeline, 'eth0', start);
    timeline.join(1, WLAN).sending = true;
    timeline.run(2);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
  });

  it.each([
    ['reset_by_peer', (_: Timeline) => undefined],
    [
      'endpoint_removed',
      (timeline: Timeline) => {
        timeline.mib = new Map([['RmSubflow', 1]]);
      },
    ],
    [
      'endpoint_removed',
      (timeline: Timeline) => {
        timeline.endpoints = { endpoints: [] };
      },
    ],
  ])('is missing within 2 s without events: %s', (reason, alsoHappens) => {
    const timeline = new Timeline();
    timeline.mib = new Map([['RmSubflow', 0]]);
    const { wlan } = transfer('up', timeline);
    wlan.overrides = { localId: 1 };
    timeline.run(1);
    wlan.gone = true;
    alsoHappens(timeline);
    const start = timeline.now;
    timeline.run(10);
    expect(timeline.enteredAfter('wlan0', 'missing', start)).toBeLessThanOrEqual(2);
    expect(timeline.reasons('wlan0')).toEqual([reason]);
  });

  it.each([0.05, 0.15, 0.29])(
    'is missing in time though another look comes %d s after the first without it',
    (between) => {
      const { timeline, wlan } = transfer('up');
      wlan.gone = true;
      const start = timeline.now;
      timeline.look();
      timeline.now += between;
      timeline.look();
      timeline.run(1);
      expect(timeline.enteredAfter('wlan0', 'missing', start)).toBeLessThan(0.5);
    },
  );

  it('is no fault when its connection ends, whatever goes first', () => {
    const { timeline, eth, wlan } = transfer('up');
    const start = timeline.now;
    wlan.gone = true;
    timeline.run(0.05);
    eth.overrides = { state: 'fin_wait_1' };
    timeline.run(0.05);
    timeline.close(1);
    timeline.run(15);
    expect(timeline.states('wlan0', start)).toEqual(['up', 'unused']);
    expect(timeline.states('eth0', start)).toEqual(['up', 'unused']);
  });

  it.each([
    [
      'join_unanswered',
      'its SYN waits',
      (timeline: Timeline) => {
        timeline.join(1, WLAN).overrides = { state: 'syn_sent', tcp: { unacknowledgedSegments: 1 } };
      },
    ],
    [
      'join_rejected',
      'it was refused',
      (timeline: Timeline) => {
        timeline.events = [{ name: 'subflow_closed', token: 1, local: { address: WLAN, port: 1 }, error: 111 }];
      },
    ],
    [
      'join_rejected',
      'its answer had a wrong HMAC',
      (timeline: Timeline) => {
        timeline.mib = new Map([
          ['MPJoinSynTx', 1],
          ['MPJoinSynAckHMacFailure', 1],
        ]);
      },
    ],
    [
      'join_unanswered',
      'the kernel counts no joins',
      (timeline: Timeline) => {
        timeline.mib = new Map();
      },
    ],
  ])('is missing within 5 s of the connection: %s, as %s', (reason, _why, happens) => {
    const timeline = new Timeline();
    timeline.mib = new Map([
      ['MPJoinSynTx', 0],
      ['MPJoinSynAckHMacFailure', 0],
    ]);
    timeline.endpoints = { endpoints: [ENDPOINT], limits: { subflows: 2, addAddrAccepted: 0 } };
    timeline.run(2);
    timeline.connect(1, [ETH]);
    const start = timeline.now;
    timeline.look();
    if (reason === 'join_rejected')
      timeline.mib = new Map([
        ['MPJoinSynTx', 1],
        ['MPJoinSynAckHMacFailure', 0],
      ]);
    happens(timeline);
    timeline.run(6);
    expect(timeline.enteredAfter('wlan0', 'missing', start)).toBeLessThanOrEqual(5);
    expect(timeline.reasons('wlan0')).toEqual([reason]);
    expect(timeline.paths.get('eth0')?.state).toBe('up');
  });

  it.each([
    ['no join was tried', {}, {}],
    ['the connection fell back', {}, { fallback: true, remoteKeyReceived: false }],
    ['the endpoint is of another family', {}, { remote: { address: 'fd77:1::2', port: 7001 } }],
    ['the endpoint is only announced', { endpoints: [{ ...ENDPOINT, flags: ['signal'] }] }, {}],
  ])('is not missed when %s', (why, manager, overrides) => {
    const timeline = new Timeline();
    timeline.endpoints = { endpoints: [ENDPOINT], limits: { subflows: 2, addAddrAccepted: 0 }, ...manager };
    timeline.mib = new Map([['MPJoinSynTx', 7]]);
    timeline.run(2);
    timeline.connect(1, [ETH], overrides);
    timeline.look();
    if (why !== 'no join was tried') timeline.mib = new Map([['MPJoinSynTx', 8]]);
    timeline.run(20);
    expect(timeline.paths.get('wlan0')?.state).toBe('unused');
  });

  it('of one connection among many is no fault of the path', () => {
    const { timeline } = transfer('up');
    const flows = [2, 3, 4].map((token) => timeline.connect(token, [ETH, WLAN])[1]);
    timeline.run(5);
    const start = timeline.now;
    if (flows[0] !== undefined) flows[0].gone = true;
    timeline.run(10);
    expectHealthy(timeline, 'wlan0', start);
  });

  it('of a connection whose peer opened it is the peer’s affair', () => {
    const timeline = new Timeline();
    timeline.connect(1, []);
    timeline.join(1, ETH, SERVER_INITIAL);
    const join = timeline.join(1, LTE, SERVER_JOIN);
    timeline.run(5);
    join.gone = true;
    timeline.run(10);
    expect(timeline.paths.get('lte0')?.state).toBe('unused');
  });
});

describe('loss, delay and middleboxes', () => {
  it('a third of the packets lost is high_loss within 15 s, and over 15 s after it ends', () => {
    const { timeline, wlan } = transfer('up');
    const start = timeline.now;
    wlan.lossRatio = 0.3;
    timeline.run(20);
    expect(timeline.enteredAfter('wlan0', 'degraded', start)).toBeLessThanOrEqual(15);
    expect(timeline.reasons('wlan0')).toEqual(['high_loss']);
    expectHealthy(timeline, 'eth0', start);
    wlan.lossRatio = 0;
    timeline.run(20);
    expect(timeline.states('wlan0', start)).toEqual(['up', 'degraded', 'up']);
  });

  it('half a second of delay is high_rtt within 15 s, and over when it ends', () => {
    const { timeline, wlan } = transfer('up');
    const start = timeline.now;
    wlan.rttSeconds += 0.5;
    timeline.run(60);
    expect(timeline.enteredAfter('wlan0', 'degraded', start)).toBeLessThanOrEqual(15);
    expect(timeline.reasons('wlan0')).toEqual(['high_rtt']);
    expectHealthy(timeline, 'eth0', start);
    wlan.rttSeconds -= 0.5;
    timeline.run(20);
    expect(timeline.states('wlan0', start)).toEqual(['up', 'degraded', 'up']);
  });

  it('a delay that lasts for a quarter of an hour becomes the path’s normal', () => {
    const { timeline, wlan } = transfer('up');
    wlan.rttSeconds += 0.5;
    timeline.run(900);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
  });

  it('a path that always loses a tenth is not degraded by it for ever, but by losing half', () => {
    const { timeline, wlan } = transfer('up');
    wlan.lossRatio = 0.1;
    timeline.run(1200);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
    wlan.lossRatio = 1;
    timeline.run(20);
    expect(timeline.reasons('wlan0')).toEqual(['high_loss']);
  });

  it('a fallback is told within 2 s where the peer is known to speak MPTCP, until MPTCP gets through again', () => {
    const { timeline } = transfer('up');
    const start = timeline.now;
    timeline.connect(2, [WLAN], { fallback: true, remoteKeyReceived: false });
    timeline.run(3);
    expect(timeline.enteredAfter('wlan0', 'degraded', start)).toBeLessThanOrEqual(2);
    expect(timeline.reasons('wlan0')).toEqual(['fallback']);
    expectHealthy(timeline, 'eth0', start);
    timeline.connect(3, [WLAN]);
    timeline.run(2);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
  });

  it('a fallback in the middle of a connection is told of any peer', () => {
    const { timeline } = transfer('up');
    const [flow] = timeline.connect(2, [LTE], { remote: { address: '192.0.2.1', port: 443 } });
    timeline.run(3);
    const record = timeline.connections.get(2);
    if (record !== undefined) timeline.connections.set(2, { ...record, fallback: true });
    timeline.run(2);
    expect(flow?.address).toBe(LTE);
    expect(timeline.reasons('lte0')).toEqual(['fallback']);
  });

  it('a server that never spoke MPTCP is no fault', () => {
    const { timeline } = transfer('up');
    const start = timeline.now;
    timeline.connect(2, [WLAN], {
      fallback: true,
      remoteKeyReceived: false,
      remote: { address: '192.0.2.1', port: 443 },
    });
    timeline.run(5);
    expectHealthy(timeline, 'wlan0', start);
  });
});
