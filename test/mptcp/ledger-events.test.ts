import { beforeEach, describe, expect, it } from 'vitest';
import { placer } from '../../exporter/src/mptcp/assemble.ts';
import { Ledger, type NamePath } from '../../exporter/src/mptcp/ledger.ts';
import type { PathManagerEvent, SubflowRecord } from '../../exporter/src/mptcp/model.ts';
import { pathMatcher } from '../../exporter/src/mptcp/path-rules.ts';
import { connection, INTERFACES, networkInterface, reading, snapshot, subflow } from '../support/scene.ts';

const ETH = '10.77.1.1';
const WLAN = '10.77.2.1';
const namePath: NamePath = (one) => placer(INTERFACES, { rules: [], match: pathMatcher([]) })(one).path;

const look = (seconds: number, subflows: readonly SubflowRecord[], tokens: readonly number[] = []) =>
  snapshot(reading({ connections: tokens.map((token) => connection(token)), subflows }, { monotonicSeconds: seconds }));

/** The event that names this subflow. */
const event = (name: PathManagerEvent['name'], one: SubflowRecord, more: Partial<PathManagerEvent> = {}) => ({
  name,
  local: one.local,
  remote: one.remote,
  ...(one.token !== undefined && { token: one.token }),
  ...more,
});

/** Its notification as tcp_disconnect leaves it (F3): no local address, no remote port, counters of 0. */
const zeroed = ({ local, remote, ...one }: SubflowRecord) => ({
  ...one,
  local: { address: local.address.includes(':') ? '::' : '0.0.0.0', port: local.port },
  remote: { address: remote.address, port: 0 },
  tcp: { sentBytes: 0, receivedBytes: 0, retransmittedBytes: 0, acknowledgedBytes: 0 },
});

let ledger: Ledger;
let now: number;

const at = (seconds: number) => {
  now = seconds;
};
const tell = (name: PathManagerEvent['name'], one: SubflowRecord, more?: Partial<PathManagerEvent>) =>
  ledger.announced(event(name, one, more), namePath, now);
const close = (one: SubflowRecord) => ledger.closed(one, now);
const fold = (subflows: readonly SubflowRecord[] = [], tokens?: readonly number[]) => {
  ledger.fold(look(now, subflows, tokens));
};
/** Something that happens, for tables of what comes in which order. */
type Step = () => void;
const passes =
  (seconds: number): Step =>
  () =>
    at(seconds);
const tells =
  (...args: Parameters<typeof tell>): Step =>
  () =>
    tell(...args);
const closes =
  (socket: SubflowRecord): Step =>
  () =>
    close(socket);
const folds =
  (subflows?: readonly SubflowRecord[]): Step =>
  () =>
    fold(subflows);
/** Looks until nothing late is waited for. */
const settle = (tokens?: readonly number[]) => {
  for (let i = 0; i < 5; i++) {
    now += 6;
    fold([], tokens);
  }
};
const eth = () => ledger.paths.get('eth0');

beforeEach(() => {
  ledger = new Ledger({ minimumSpanSeconds: 0.5 });
  ledger.expectCloses();
  at(0);
  fold();
});

const one = (moved: { sent?: number; received?: number } = {}, overrides: Partial<SubflowRecord> = {}) =>
  subflow(1, ETH, { cookie: 1, ...moved, ...overrides });

describe('a subflow that closes gracefully', () => {
  const exact = { sentBytes: 500, receivedBytes: 70, subflowsEstablished: 1, unaccountedCloses: 0 };
  const end = one({ sent: 500, received: 70 });
  const stale = one({ sent: 200 });

  it.each<[string, readonly Step[]]>([
    ['between two looks', [tells('created', end), tells('established', end), closes(end), folds()]],
    ['after a look', [folds([stale]), closes(end), folds()]],
    ['after its event and a look', [tells('created', end), folds([stale]), closes(end)]],
    ['told twice', [tells('created', end), closes(end), closes(end), folds(), closes(end)]],
    ['announced twice, late', [tells('created', end), closes(end), tells('established', end), folds()]],
    ['announced after a look', [folds([stale]), tells('created', end), closes(end)]],
    ['announced only after its close', [closes(end), tells('created', end), tells('established', end), folds()]],
    ['announced only after its close and a look', [closes(end), folds(), tells('created', end)]],
    ['while a look is under way', [folds([stale]), closes(end), folds([stale]), folds()]],
    ['while the first look that shows it is under way', [closes(end), folds([stale]), folds()]],
    ['known by its event alone while a look is under way', [tells('created', end), closes(end), folds([stale])]],
    ['announced while a look is under way', [tells('created', end), folds(), folds([stale]), closes(end)]],
    ['with its notification late', [folds([stale]), passes(1), folds(), passes(4), closes(end), folds()]],
    ['with event and look late', [closes(end), folds([stale]), tells('created', end)]],
  ])('is counted to the byte: %s', (_, steps) => {
    for (const step of steps) step();
    settle();
    expect(eth()).toMatchObject({ ...exact, subflowsClosed: { connection_closed: 1, subflow_closed: 0, reset: 0 } });
    expect([ledger.openSubflows, ledger.rememberedCloses]).toEqual([0, 0]);
  });

  it('counts its bytes at once, and its close when it is known whether the connection went on', () => {
    tell('created', end);
    close(end);
    expect(eth()).toMatchObject({ ...exact, subflowsClosed: { connection_closed: 0, subflow_closed: 0 } });
    at(1);
    fold([], [1]);
    at(2);
    fold([], [1]);
    expect(eth()?.subflowsClosed).toMatchObject({ connection_closed: 0, subflow_closed: 1 });
  });

  it('counts in the span in which it was born and died', () => {
    at(1);
    fold();
    at(1.3);
    tell('created', end);
    close(end);
    at(2);
    expect(ledger.fold(look(now, [])).spanSeconds).toBe(1);
    expect(eth()?.sentBytes).toBe(500);
  });

  it('is measured from its birth when a look shows it after its event', () => {
    at(1);
    fold();
    tell('created', end);
    at(2);
    expect([...ledger.fold(look(now, [end])).activity]).toEqual([570]);
    expect(ledger.ratesOf(1)).toEqual({ sendBytesPerSecond: 500, receiveBytesPerSecond: 70 });
  });

  it('is waited for when only the look under way at its event left it out, however long looks are apart', () => {
    tell('created', end);
    fold();
    at(15);
    fold();
    close(end);
    expect(eth()).toMatchObject(exact);
  });

  it('that was open at the first look counts from there', () => {
    ledger = new Ledger({ minimumSpanSeconds: 0.5 });
    fold([stale]);
    close(end);
    expect(eth()).toMatchObject({ sentBytes: 300, receivedBytes: 70, subflowsEstablished: 0, unaccountedCloses: 0 });
  });

  it('that was announced before the first look counts whole', () => {
    ledger = new Ledger({ minimumSpanSeconds: 0.5 });
    tell('created', end);
    fold([stale]);
    close(end);
    expect(eth()).toMatchObject(exact);
  });
});

describe('a subflow whose last bytes cannot be learnt', () => {
  const seen = one({ sent: 200, received: 20 });

  it.each<[string, readonly Step[]]>([
    ['its counters were zeroed by a disconnect', [folds([seen]), closes(zeroed(seen))]],
    ['it was announced too', [tells('created', seen), folds([seen]), closes(zeroed(seen))]],
    ['the zeroed notification came twice', [folds([seen]), closes(zeroed(seen)), closes(zeroed(seen))]],
    ['a look under way still shows it', [folds([one({ sent: 5 })]), closes(zeroed(seen)), folds([seen])]],
    ['only a look under way shows it', [closes(zeroed(seen)), folds([seen])]],
    ['the counters are zeroed, the ends are not', [folds([seen]), closes({ ...seen, tcp: zeroed(seen).tcp })]],
    ['the notification has no counters', [folds([seen]), closes({ ...seen, tcp: {} })]],
    ['the notification was missed', [folds([seen])]],
  ])('keeps what was seen of it and is counted as unaccounted: %s', (_, steps) => {
    for (const step of steps) step();
    settle();
    expect(eth()).toMatchObject({
      sentBytes: 200,
      receivedBytes: 20,
      subflowsEstablished: 1,
      unaccountedCloses: 1,
      subflowsClosed: { connection_closed: 1 },
    });
    expect([ledger.openSubflows, ledger.rememberedCloses]).toEqual([0, 0]);
  });

  it('is counted too when only an event has ever told of it', () => {
    tell('created', seen);
    close(zeroed(seen));
    settle();
    expect(eth()).toMatchObject({ subflowsEstablished: 1, unaccountedCloses: 1 });
  });

  it('of IPv6 is known by its cookie as well', () => {
    const six = subflow(1, 'fd77:1::1', { cookie: 6, sent: 9, remote: { address: 'fd77:1::2', port: 7001 } });
    fold([six]);
    close(zeroed(six));
    expect(eth()).toMatchObject({ sentBytes: 9, unaccountedCloses: 1 });
  });

  it('gets its bytes even when the notification comes after it was given up', () => {
    fold([seen]);
    for (const seconds of [1, 3, 6.5]) {
      at(seconds);
      fold();
    }
    expect(eth()?.unaccountedCloses).toBe(1);
    close(one({ sent: 900, received: 20 }));
    expect(eth()).toMatchObject({ sentBytes: 900, unaccountedCloses: 1 });
  });

  it('is not so when it moved nothing and the notification says just that', () => {
    fold([one()]);
    close(one());
    expect(eth()).toMatchObject({ sentBytes: 0, unaccountedCloses: 0 });
  });
});

describe('a join that is still to be answered', () => {
  const asking = one({}, { state: 'syn_sent' });

  it('is no subflow yet, and leaves nothing behind when it never becomes one', () => {
    fold([asking]);
    close(zeroed(asking));
    settle();
    expect(ledger.paths.has('eth0') && eth()?.subflowsEstablished).toBeFalsy();
    expect([ledger.openSubflows, ledger.rememberedCloses]).toEqual([0, 0]);
  });

  it('counts whole once it is one, also when it was asking at the first look', () => {
    ledger = new Ledger({ minimumSpanSeconds: 0.5 });
    for (const socket of [asking, one({ sent: 5 })]) fold([socket]);
    close(one({ sent: 500 }));
    expect(eth()).toMatchObject({ sentBytes: 500, subflowsEstablished: 1, unaccountedCloses: 0 });
  });
});

describe('plain TCP', () => {
  it('never counts, however many sockets close, and is not remembered for long', () => {
    fold([one({ sent: 10 })], [1]);
    for (let i = 0; i < 1000; i++) {
      close(one({ sent: 1e6 }, { cookie: 1000 + i, local: { address: ETH, port: 20_000 + i } }));
    }
    expect(ledger.rememberedCloses).toBe(1000);
    for (const seconds of [1, 6, 7]) {
      at(seconds);
      fold([one({ sent: 10 })], [1]);
    }
    expect(eth()).toMatchObject({ sentBytes: 10, subflowsEstablished: 1, unaccountedCloses: 0 });
    expect(ledger.rememberedCloses).toBe(0);
  });

  it('between the ends of an open subflow of another cookie is not that subflow', () => {
    fold([one({ sent: 10 })]);
    close(one({ sent: 777 }, { cookie: 99 }));
    expect(eth()?.sentBytes).toBe(10);
    expect(ledger.openSubflows).toBe(1);
  });

  it('that closed long ago is not the subflow that now has its ends', () => {
    close(one({ sent: 777 }));
    at(6);
    tell('created', one());
    expect(eth()).toMatchObject({ subflowsEstablished: 1, subflowsClosed: { connection_closed: 0 } });
    expect(eth()).not.toHaveProperty('sentBytes');
  });

  it('is remembered up to a bound, and so are subflows that only events have told of', () => {
    for (let i = 0; i < 25_000; i++) close(one({}, { cookie: i, local: { address: ETH, port: i } }));
    expect(ledger.rememberedCloses).toBe(20_000);
    ledger = new Ledger({ minimumSpanSeconds: 0.5 });
    for (let i = 0; i < 25_000; i++) tell('created', one({}, { local: { address: ETH, port: i } }));
    expect(ledger.openSubflows).toBe(20_000);
    expect(eth()).toMatchObject({ subflowsEstablished: 25_000, unaccountedCloses: 5000 });
    at(61);
    tell('created', one({}, { local: { address: WLAN, port: 1 } }));
    expect(ledger.openSubflows).toBe(1);
    settle();
    expect([ledger.openSubflows, ledger.rememberedCloses]).toEqual([0, 0]);
    expect(eth()?.subflowsClosed.connection_closed).toBe(25_000);
  });
});

describe('a socket or its ends in use again', () => {
  const other = { token: 2, local: { address: ETH, port: 40_001 } };

  it('a known cookie with other ends is another subflow: each counts its own bytes', () => {
    fold([one({ sent: 100 })]);
    tell('created', one({}, other));
    close(one({ sent: 30 }, other));
    settle();
    expect(eth()).toMatchObject({ sentBytes: 130, subflowsEstablished: 2, unaccountedCloses: 1 });
  });

  it('a look that still shows a cookie with its former ends counts nothing again', () => {
    fold([one({ sent: 100 })]);
    tell('created', one({}, other));
    close(one({ sent: 30 }, other));
    fold([one({ sent: 110 })]);
    expect(eth()?.sentBytes).toBe(140);
  });

  it('the ends of a closed subflow with a new token are another subflow', () => {
    tell('created', one());
    close(one({ sent: 100 }));
    tell('created', one({}, { token: 2 }));
    close(one({ sent: 30 }, { cookie: 2 }));
    settle();
    expect(eth()).toMatchObject({ sentBytes: 130, subflowsEstablished: 2, unaccountedCloses: 0 });
  });

  it('the ends of a subflow whose close is still to be told, with a new token, are another subflow', () => {
    fold([one({ sent: 60 })]);
    tell('created', one({}, { token: 2 }));
    close(one({ sent: 100 }));
    close(one({ sent: 30 }, { token: 2, cookie: 2 }));
    settle();
    expect(eth()).toMatchObject({ sentBytes: 130, subflowsEstablished: 2, unaccountedCloses: 0 });
  });

  it.each<[string, readonly Step[]]>([
    ['by its event alone', []],
    ['by its event and a look', [folds([one({ sent: 20 })])]],
  ])('the ends of a socket that was no subflow are soon in use by one, which counts whole: %s', (_, steps) => {
    const refusedJoin = one({}, { cookie: 8 });
    const plain = one({ sent: 777, received: 888 }, { cookie: 9 });
    for (const step of [closes(refusedJoin), closes(plain), tells('created', one()), ...steps]) step();
    at(2);
    close(one({ sent: 500, received: 70 }));
    settle();
    expect(eth()).toMatchObject({ sentBytes: 500, receivedBytes: 70, subflowsEstablished: 1, unaccountedCloses: 0 });
    expect([ledger.openSubflows, ledger.rememberedCloses]).toEqual([0, 0]);
  });

  it('a token in use again does not confuse the subflows', () => {
    tell('created', one());
    close(one({ sent: 100 }));
    tell('created', one({}, { local: other.local }));
    close(one({ sent: 30 }, { cookie: 2, local: other.local }));
    settle();
    expect(eth()).toMatchObject({ sentBytes: 130, subflowsEstablished: 2, unaccountedCloses: 0 });
  });

  it('a subflow announced with one token and shown with another was two', () => {
    tell('created', one());
    fold([one({ sent: 30 }, { token: 2 })]);
    expect(eth()).toMatchObject({ sentBytes: 30, subflowsEstablished: 2, unaccountedCloses: 1 });
  });
});

describe('the path of a subflow', () => {
  it.each([
    ['its bound interface', event('subflow_established', one(), { interfaceIndex: 12 }), 'wlan0'],
    ['its local address', event('subflow_established', subflow(1, WLAN)), 'wlan0'],
    ['its local IPv6 address', event('created', subflow(1, 'fd77:1::1')), 'eth0'],
    ['nothing that is known', event('created', subflow(1, '192.0.2.1')), 'unknown'],
  ])('that no look has shown is named by %s', (_, told, path) => {
    ledger.announced(told, namePath, now);
    expect(ledger.paths.get(path)?.subflowsEstablished).toBe(1);
  });

  it('goes on under the new name after a rename, with nothing lost or counted twice', () => {
    const renamed = [networkInterface('uplink', 1)];
    tell('created', one());
    fold([one({ sent: 100 })]);
    const now = { monotonicSeconds: 1, interfaces: { value: renamed } };
    ledger.fold(snapshot(reading({ subflows: [one({ sent: 130 })] }, now)));
    ledger.closed(one({ sent: 150 }), 2);
    expect([eth()?.sentBytes, ledger.paths.get('uplink')?.sentBytes]).toEqual([100, 50]);
    expect(ledger.paths.get('uplink')?.subflowsEstablished).toBe(0);
  });

  it('stays when the address leaves the interface before the close', () => {
    const before = look(1, [one({ sent: 100 })]);
    ledger.fold(before);
    const gone = reading({ subflows: [one({ sent: 110 })] }, { monotonicSeconds: 2, interfaces: { value: [] } });
    ledger.fold(snapshot(gone, [], before));
    ledger.closed(one({ sent: 120 }), 2.5);
    expect(eth()).toMatchObject({ sentBytes: 120, unaccountedCloses: 0 });
  });
});

describe('why a subflow closed', () => {
  const whyAfter = (steps: readonly Step[], tokens: readonly number[] = [1]) => {
    fold([one()], tokens);
    for (const step of steps) step();
    settle(tokens);
    return Object.entries(eth()?.subflowsClosed ?? {}).flatMap(([reason, count]) => (count > 0 ? [reason, count] : []));
  };

  it.each<[string, Partial<PathManagerEvent>, string]>([
    ['the peer reset it', { error: 104 }, 'reset'],
    ['this end reset it', { error: 103 }, 'reset'],
    ['it was refused', { error: 111 }, 'reset'],
    ['the peer said why it reset it', { resetReason: 1 }, 'reset'],
    ['its retransmissions timed out', { error: 110 }, 'subflow_closed'],
    ['its endpoint was removed', {}, 'subflow_closed'],
  ])('is told by the event, before or after its notification: %s', (_, detail, reason) => {
    expect(whyAfter([tells('subflow_closed', one(), detail), closes(one())])).toEqual([reason, 1]);
    ledger = new Ledger({ minimumSpanSeconds: 0.5 });
    at(0);
    expect(whyAfter([closes(one()), tells('subflow_closed', one(), detail)])).toEqual([reason, 1]);
  });

  it('is told by the event also when the connection closed soon after', () => {
    expect(whyAfter([tells('subflow_closed', one(), { error: 104 }), closes(one())], [])).toEqual(['reset', 1]);
  });

  it.each([
    ['subflow_closed', 'goes on', [1]],
    ['connection_closed', 'is gone', []],
  ] as const)('is %s without an event when the connection %s', (reason, _, tokens) => {
    expect(whyAfter([closes(one())], tokens)).toEqual([reason, 1]);
  });

  it('is nothing for a join that was refused before anyone knew of it', () => {
    tell('subflow_closed', one(), { error: 111 });
    close(one());
    settle();
    expect(eth()).toMatchObject({ subflowsEstablished: 0, subflowsClosed: { reset: 0 } });
  });
});
