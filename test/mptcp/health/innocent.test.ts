import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkInterface } from '../../support/scene.ts';
import { ETH, type Flow, LTE, SERVER_INITIAL, SERVER_JOIN, Timeline, WLAN } from './timeline.ts';

const PATHS = ['eth0', 'wlan0'] as const;

/** A connection with a subflow over eth0 and one over wlan0. */
function pair(timeline = new Timeline()): { timeline: Timeline; eth: Flow; wlan: Flow } {
  const [eth, wlan] = timeline.connect(1, [ETH, WLAN]);
  if (eth === undefined || wlan === undefined) throw new Error('no flows');
  timeline.run(2);
  return { timeline, eth, wlan };
}

function expectUp(timeline: Timeline): void {
  for (const path of PATHS) expect([path, timeline.states(path)]).toEqual([path, ['up']]);
}

describe('no false alarm', () => {
  it('from an idle connection, also through a blackhole', () => {
    const { timeline, eth, wlan } = pair();
    timeline.run(10);
    eth.dead = wlan.dead = true;
    timeline.run(120);
    expectUp(timeline);
    expect(timeline.asked).toEqual([]);
    expect(timeline.subflows).toEqual(['idle', 'idle']);
  });

  it.each(['sending', 'receiving'] as const)('from a scheduler that leaves a healthy path unused while %s', (what) => {
    const { timeline, eth, wlan } = pair();
    eth[what] = wlan[what] = true;
    timeline.run(5);
    wlan[what] = false;
    timeline.run(300);
    expectUp(timeline);
    // The silence is looked into at once, and then ever more rarely.
    expect(timeline.asked.length).toBeLessThan(10);
    if (what === 'receiving') expect(timeline.asked.length).toBeGreaterThan(0);
    expect(timeline.subflows).toEqual(['active', 'idle']);
  });

  it('from a slow stream that uses its second path now and then', () => {
    const { timeline, eth, wlan } = pair();
    eth.receiving = true;
    for (let round = 0; round < 40; round++) {
      wlan.receiving = round % 4 === 0;
      timeline.run(2.3);
    }
    expectUp(timeline);
  });

  it('from SYNs of checks that are lost on a path that is alive', () => {
    const { timeline, eth, wlan } = pair();
    eth.receiving = wlan.receiving = true;
    timeline.run(5);
    wlan.receiving = false;
    // One is lost of the first check, two of each later one: the kernel sends another each second.
    timeline.answer = ({ verdictSeconds }) => {
      const answered = timeline.asked.length === 1 ? 1.03 : 2.03;
      const silence = answered > verdictSeconds ? [{ alive: false, afterSeconds: verdictSeconds }] : [];
      return [...silence, { alive: true, afterSeconds: answered }];
    };
    timeline.run(100);
    expect(timeline.asked.length).toBeGreaterThan(2);
    expectUp(timeline);
  });

  it('at a server from a client that no longer uses one of its paths: it cannot be asked', () => {
    const timeline = new Timeline();
    timeline.connect(1, []);
    const eth = timeline.join(1, ETH, SERVER_INITIAL);
    const wlan = timeline.join(1, WLAN, SERVER_JOIN);
    eth.receiving = wlan.receiving = true;
    timeline.run(10);
    wlan.receiving = false;
    timeline.run(60);
    expect(timeline.subflows).toEqual(['active', 'silent']);
    expectUp(timeline);
    expect(timeline.asked).toEqual([]);
  });

  it('from a server that stops sending and starts again', () => {
    const { timeline, eth, wlan } = pair();
    for (let round = 0; round < 5; round++) {
      eth.receiving = wlan.receiving = round % 2 === 0;
      timeline.run(17);
    }
    expectUp(timeline);
    expect(timeline.asked).toEqual([]);
  });

  it('from requests after long pauses', () => {
    const { timeline, wlan } = pair();
    for (let round = 0; round < 10; round++) {
      timeline.run(61);
      wlan.sending = true;
      timeline.run(0.5, 0.1);
      wlan.sending = false;
    }
    expectUp(timeline);
  });

  it('from a receiver that does not read: a closed window is probed in backoff, with nothing outstanding', () => {
    const { timeline, wlan } = pair();
    wlan.overrides = {
      sendQueueBytes: 100_000,
      tcp: { sentBytes: 1e6, unacknowledgedSegments: 0, backoff: 5, retransmissionTimeoutSeconds: 7 },
    };
    timeline.run(30);
    expectUp(timeline);
  });

  it('from the burst of losses that ends a slow start', () => {
    const { timeline, wlan } = pair();
    wlan.sending = true;
    wlan.lossRatio = 0.4;
    timeline.run(2);
    wlan.lossRatio = 0;
    timeline.run(30);
    expectUp(timeline);
  });

  it('from an RTT that doubles under load, or that is another peer’s', () => {
    const { timeline, wlan } = pair();
    wlan.sending = true;
    timeline.run(30);
    wlan.rttSeconds = 0.2;
    timeline.run(30);
    wlan.sending = false;
    const far = timeline.join(1, WLAN);
    far.overrides = { remote: { address: '192.0.2.1', port: 443 } };
    far.rttSeconds = 0.9;
    far.sending = true;
    timeline.run(30);
    expectUp(timeline);
  });

  it('from looks that are far apart', () => {
    const { timeline, eth, wlan } = pair();
    timeline.eager = false;
    eth.sending = wlan.sending = true;
    for (let round = 0; round < 6; round++) {
      timeline.run(60, 60);
      wlan.sending = !wlan.sending;
      timeline.run(60, 60);
    }
    expectUp(timeline);
  });

  it('from a look that failed: all stays as it was', () => {
    const { timeline } = pair();
    const before = timeline.paths.get('eth0')?.state;
    const failure = { code: 'timeout', message: '' };
    const report = timeline.health.observe({
      snapshot: {
        source: 'netlink',
        kernel: 'upstream',
        monotonicSeconds: timeline.now + 1,
        sockets: { failure },
        interfaces: { failure },
        capabilities: new Map(),
        incidents: [],
        paths: [],
      },
      totals: new Map(),
    });
    expect(report.paths.get('eth0')?.state).toBe(before);
    expect(timeline.health.held).toEqual({ subflows: 2, connections: 1, paths: 3 });
  });

  it('between short connections, one after the other', () => {
    const timeline = new Timeline();
    for (let token = 1; token < 60; token++) {
      const flows = timeline.connect(token, [ETH, WLAN]);
      for (const flow of flows) flow.receiving = true;
      timeline.run(0.7, 0.5);
      timeline.close(token);
      timeline.run(0.5, 0.5);
    }
    expectUp(timeline);
    expect(timeline.health.held).toMatchObject({ subflows: 0, connections: 0 });
  });
});

const action = fc.record({
  what: fc.constantFrom(
    'connect',
    'close',
    'die',
    'live',
    'send',
    'rest',
    'receive',
    'unplug',
    'plug',
    'lose',
    'fall back',
  ),
  which: fc.nat(5),
  seconds: fc.double({ min: 0.05, max: 4, noNaN: true }),
});

/** Does one thing to a machine, then lets time pass. */
function act(timeline: Timeline, { what, which, seconds }: { what: string; which: number; seconds: number }): void {
  const flow = timeline.flows[which % Math.max(1, timeline.flows.length)];
  const wlan0 = networkInterface('wlan0', 2);
  const others = timeline.interfaces.filter(({ name }) => name !== 'wlan0');
  if (what === 'connect' && !timeline.connections.has(which))
    timeline.connect(which, [ETH, WLAN, LTE].slice(which % 3));
  if (what === 'close') timeline.close(which);
  if (what === 'unplug') timeline.interfaces = which % 2 === 0 ? others : [...others, { ...wlan0, carrier: false }];
  if (what === 'plug') timeline.interfaces = [...others, wlan0];
  const connection = timeline.connections.get(which);
  if (what === 'fall back' && connection !== undefined)
    timeline.connections.set(which, { ...connection, fallback: true });
  if (flow !== undefined) {
    if (what === 'die') flow.dead = true;
    if (what === 'live') flow.dead = false;
    if (what === 'send') flow.sending = true;
    if (what === 'receive') flow.receiving = true;
    if (what === 'rest') flow.sending = flow.receiving = false;
    if (what === 'lose') flow.gone = true;
  }
  timeline.run(seconds);
}

describe('whatever happens', () => {
  it('a path is in one state with its reasons, and every entry into a state is counted once', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const timeline = new Timeline({}, [{ name: 'wlan0', interface: 'wlan0' }]);
        timeline.answerBy(() => timeline.flows.some(({ dead }) => dead));
        timeline.look();
        for (const one of actions) {
          act(timeline, one);
          for (const [, { state, reasons, subflows }] of timeline.paths) {
            expect(reasons.size > 0).toBe(state !== 'up' && state !== 'unused');
            expect(Math.min(...Object.values(subflows))).toBeGreaterThanOrEqual(0);
          }
        }
        for (const [name, { changes, state, sinceSeconds }] of timeline.paths) {
          const entered = timeline.history.get(name) ?? [];
          expect(entered.at(-1)).toMatchObject({ state, at: sinceSeconds });
          for (const [entry, count] of Object.entries(changes))
            expect([entry, count]).toEqual([entry, entered.slice(1).filter((one) => one.state === entry).length]);
        }
        for (const { seconds } of timeline.durations) expect(seconds).toBeGreaterThanOrEqual(0);
        for (const path of PATHS) {
          const times = timeline.asked.filter((asked) => asked.path === path).map(({ at }) => at);
          times.slice(1).forEach((at, index) => {
            expect(at - (times[index] ?? 0)).toBeGreaterThanOrEqual(5);
          });
        }
      }),
      { numRuns: 100 },
    );
  });

  it('nothing is held of what is gone but the counters of the paths that were of use', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
        const timeline = new Timeline();
        for (const one of actions) act(timeline, one);
        for (const token of timeline.connections.keys()) timeline.close(token);
        for (const flow of timeline.flows) flow.gone = true;
        timeline.interfaces = [];
        timeline.run(2);
        expect(timeline.health.held).toMatchObject({ subflows: 0, connections: 0 });
        timeline.run(7200, 600);
        const used = [...timeline.history].filter(([, entered]) => entered.some(({ state }) => state !== 'unused'));
        expect(timeline.paths.size).toBe(0);
        expect(timeline.health.held.paths).toBe(used.length);
      }),
      { numRuns: 50 },
    );
  });

  it('a steady healthy load never leaves up', () => {
    const rate = fc.record({
      sending: fc.boolean(),
      receiving: fc.boolean(),
      rtt: fc.double({ min: 0.001, max: 0.9, noNaN: true }),
    });
    fc.assert(
      fc.property(rate, rate, fc.double({ min: 0.1, max: 15, noNaN: true }), (first, second, step) => {
        const { timeline, eth, wlan } = pair();
        for (const [flow, { sending, receiving, rtt }] of [
          [eth, first],
          [wlan, second],
        ] as const)
          Object.assign(flow, { sending, receiving, rttSeconds: rtt });
        timeline.run(100, step);
        expectUp(timeline);
      }),
      { numRuns: 60 },
    );
  });
});
