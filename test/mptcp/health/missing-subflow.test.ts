import { describe, expect, it } from 'vitest';
import { ETH, type Flow, LTE, SERVER_INITIAL, SERVER_JOIN, Timeline, WLAN } from './timeline.ts';
import { ENDPOINT, expectHealthy, transfer } from './transfer.ts';

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
