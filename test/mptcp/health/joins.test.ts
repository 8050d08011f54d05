import { describe, expect, it } from 'vitest';
import type { PathManagerEvent } from '../../../exporter/src/mptcp/model.ts';
import { ETH, LTE, Timeline, WLAN } from './timeline.ts';

const ENDPOINT = { id: 1, address: WLAN, interfaceName: 'wlan0', flags: ['subflow'] };
const TUPLE = { token: 1, local: { address: WLAN, port: 40_002 }, remote: { address: '10.77.1.2', port: 7001 } };

const answered: PathManagerEvent = { name: 'subflow_established', ...TUPLE };
const closed = (extra: Partial<PathManagerEvent> = {}): PathManagerEvent => ({
  name: 'subflow_closed',
  ...TUPLE,
  ...extra,
});

/** A client that has one endpoint and is about to connect. */
function client(subflows = 2): Timeline {
  const timeline = new Timeline();
  timeline.endpoints = { endpoints: [ENDPOINT], limits: { subflows, addAddrAccepted: 0 } };
  timeline.mib = new Map([
    ['MPJoinSynTx', 0],
    ['MPJoinSynAckHMacFailure', 0],
  ]);
  timeline.run(2);
  return timeline;
}

describe('a join that failed', () => {
  it.each([
    ['join_rejected', 'the other end refused it', [closed({ error: 111 })]],
    ['join_rejected', 'the other end agreed and then thought better of it', [answered, closed()]],
    ['join_rejected', 'this end sent a reset with a reason', [closed({ resetReason: 3 })]],
    ['join_unanswered', 'its SYNs ran out', [closed({ error: 110 })]],
    ['fallback', 'plain TCP answered', [closed()]],
  ])('makes its path missing within 1 s: %s where %s', (reason, _why, events) => {
    const timeline = client();
    timeline.connect(1, [ETH]);
    const start = timeline.now;
    timeline.events = events;
    timeline.look();
    timeline.run(20);
    expect(timeline.enteredAfter('wlan0', 'missing', start)).toBeLessThanOrEqual(1);
    expect(timeline.reasons('wlan0')).toEqual([reason]);
    expect(timeline.states('eth0', start + 0.001)).toEqual(['up']);
    timeline.join(1, WLAN);
    timeline.run(1);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
  });

  it('was rejected, whatever it looked like, where a counter of rejections grew', () => {
    const timeline = client();
    timeline.connect(1, [ETH]);
    timeline.events = [closed()];
    timeline.mib = new Map([
      ['MPJoinSynTx', 1],
      ['MPJoinSynAckHMacFailure', 1],
    ]);
    timeline.run(2);
    expect(timeline.reasons('wlan0')).toEqual(['join_rejected']);
  });

  it('is not forgotten when it was told before the look that first shows its connection', () => {
    const timeline = client();
    timeline.events = [closed()];
    timeline.look();
    timeline.connect(1, [ETH]);
    timeline.run(1);
    expect(timeline.reasons('wlan0')).toEqual(['fallback']);
  });

  it('says nothing once a later one has come about, and the subflow then is lost for its own reason', () => {
    const timeline = client();
    timeline.connect(1, [ETH]);
    timeline.events = [closed({ local: { address: WLAN, port: 40_900 } })];
    timeline.run(1);
    const again = timeline.join(1, WLAN);
    timeline.run(1);
    again.gone = true;
    timeline.events = [closed({ error: 104 })];
    timeline.run(2);
    expect(timeline.reasons('wlan0')).toEqual(['reset_by_peer']);
  });

  it.each([
    ['the endpoint has been deleted meanwhile', [ETH], { endpoints: [], limits: { subflows: 2, addAddrAccepted: 0 } }],
    ['the path has another subflow of the connection', [ETH, WLAN], undefined],
  ])('is no fault when %s', (_why, addresses, endpoints) => {
    const timeline = client();
    if (endpoints !== undefined) timeline.endpoints = endpoints;
    timeline.connect(1, addresses);
    timeline.look();
    timeline.events = [closed()];
    const start = timeline.now;
    timeline.run(10);
    expect(timeline.states('wlan0', start)).not.toContain('missing');
  });

  it('is no fault when its connection ends at the same time', () => {
    const timeline = client();
    timeline.connect(1, [ETH]);
    timeline.events = [closed()];
    timeline.look();
    timeline.run(0.1, 0.1);
    timeline.close(1);
    timeline.run(10);
    expect(timeline.states('wlan0')).toEqual(['unused']);
  });

  it('of another connection than those of this path is theirs alone', () => {
    const timeline = client();
    timeline.connect(2, [ETH, WLAN]);
    timeline.connect(3, [LTE, WLAN]);
    timeline.connect(4, [ETH, WLAN]);
    timeline.run(1);
    timeline.connect(1, [ETH]);
    timeline.events = [closed()];
    const start = timeline.now;
    timeline.run(10);
    expect(timeline.states('wlan0', start)).toEqual(['up']);
  });
});

describe('a limit that leaves no room for a subflow', () => {
  it('is told as a rejection within 5 s, though nothing was tried, and is over for a connection after it', () => {
    const timeline = client(0);
    timeline.connect(1, [ETH]);
    timeline.look();
    const start = timeline.now;
    timeline.run(10);
    expect(timeline.enteredAfter('wlan0', 'missing', start)).toBeLessThanOrEqual(5);
    expect(timeline.reasons('wlan0')).toEqual(['join_rejected']);
    expect(timeline.states('eth0', start)).toEqual(['up']);
    timeline.close(1);
    timeline.endpoints = { endpoints: [ENDPOINT], limits: { subflows: 2, addAddrAccepted: 0 } };
    timeline.connect(2, [ETH, WLAN]);
    timeline.run(2);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
  });

  it('concerns the endpoint that it leaves over, not those that have their subflow', () => {
    const timeline = client(1);
    timeline.endpoints = {
      endpoints: [ENDPOINT, { id: 2, address: LTE, interfaceName: 'lte0', flags: ['subflow'] }],
      limits: { subflows: 1, addAddrAccepted: 0 },
    };
    timeline.connect(1, [ETH, WLAN]);
    timeline.run(10);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
    expect(timeline.paths.get('lte0')?.state).toBe('missing');
    expect(timeline.reasons('lte0')).toEqual(['join_rejected']);
  });
});

describe('fresh endpoints and counters', () => {
  it('are wanted while a young connection lacks a subflow that is expected, and only then', () => {
    const timeline = client();
    expect(timeline.unsettled).toBe(false);
    timeline.connect(1, [ETH, WLAN]);
    timeline.look();
    expect(timeline.unsettled).toBe(false);
    timeline.connect(2, [ETH]);
    timeline.run(1);
    expect(timeline.unsettled).toBe(true);
    timeline.run(3);
    expect(timeline.unsettled).toBe(false);
  });
});
