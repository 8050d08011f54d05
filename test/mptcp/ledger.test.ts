import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger } from '../../exporter/src/mptcp/ledger.ts';
import { connection, reading, snapshot, subflow } from '../support/scene.ts';

const look = (seconds: number, subflows: Parameters<typeof reading>[0]['subflows'], tokens: number[] = []) =>
  snapshot(
    reading(
      { connections: tokens.map((token) => connection(token)), ...(subflows && { subflows }) },
      { monotonicSeconds: seconds },
    ),
  );

const open = () => {
  const ledger = new Ledger({ minimumSpanSeconds: 0.5 });
  ledger.fold(look(0, []));
  return ledger;
};

describe('the ledger', () => {
  it('adds what closed subflows carried to what open ones carry', () => {
    const ledger = open();
    ledger.fold(look(1, [subflow(1, '10.77.1.1', { cookie: 1, sent: 100, received: 7 })], [1]));
    ledger.fold(look(2, [subflow(2, '10.77.1.1', { cookie: 2, sent: 50 })], [2]));
    expect(ledger.paths.get('eth0')).toMatchObject({
      sentBytes: 150,
      receivedBytes: 7,
      subflowsEstablished: 2,
      subflowsClosed: { connection_closed: 1, subflow_closed: 0, reset: 0 },
      unaccountedCloses: 1,
    });
  });

  it('counts from the first look on, so that a restart does not look like traffic', () => {
    const ledger = new Ledger({ minimumSpanSeconds: 0.5 });
    ledger.fold(look(0, [subflow(1, '10.77.1.1', { cookie: 1, sent: 1e9 })]));
    expect(ledger.paths.get('eth0')).toMatchObject({ sentBytes: 0, subflowsEstablished: 0 });
    ledger.fold(look(1, [subflow(1, '10.77.1.1', { cookie: 1, sent: 1e9 + 42 })]));
    expect(ledger.paths.get('eth0')?.sentBytes).toBe(42);
    expect(ledger.ratesOf(1)).toEqual({ sendBytesPerSecond: 42, receiveBytesPerSecond: 0 });
  });

  it('tells a subflow that closed alone from one that closed with its connection', () => {
    const ledger = open();
    ledger.fold(look(1, [subflow(1, '10.77.1.1', { cookie: 1 }), subflow(1, '10.77.2.1', { cookie: 2 })], [1]));
    ledger.fold(look(2, [subflow(1, '10.77.1.1', { cookie: 1 })], [1]));
    ledger.fold(look(3, []));
    expect(ledger.paths.get('wlan0')?.subflowsClosed).toEqual({ connection_closed: 0, subflow_closed: 1, reset: 0 });
    expect(ledger.paths.get('eth0')?.subflowsClosed).toEqual({ connection_closed: 1, subflow_closed: 0, reset: 0 });
    expect(ledger.openSubflows).toBe(0);
  });

  it('takes a look that failed for nothing: not seen is not closed', () => {
    const ledger = open();
    ledger.fold(look(1, [subflow(1, '10.77.1.1', { cookie: 1, sent: 10 })]));
    ledger.fold(snapshot(reading({}, { sockets: { failure: { code: 'timeout', message: '' } }, monotonicSeconds: 2 })));
    ledger.fold(look(3, [subflow(1, '10.77.1.1', { cookie: 1, sent: 15 })]));
    expect(ledger.paths.get('eth0')).toMatchObject({ sentBytes: 15, unaccountedCloses: 0, subflowsEstablished: 1 });
  });

  it('never takes bytes back when the kernel zeroes a counter', () => {
    const ledger = open();
    ledger.fold(look(1, [subflow(1, '10.77.1.1', { cookie: 1, sent: 100 })]));
    ledger.fold(look(2, [subflow(1, '10.77.1.1', { cookie: 1, sent: 0 })]));
    ledger.fold(look(3, [subflow(1, '10.77.1.1', { cookie: 1, sent: 5 })]));
    expect(ledger.paths.get('eth0')).toMatchObject({ sentBytes: 105, subflowsEstablished: 2, unaccountedCloses: 1 });
  });

  it('counts nothing twice of a subflow that one look left out', () => {
    const ledger = open();
    ledger.fold(look(1, [subflow(1, '10.77.1.1', { cookie: 1, sent: 100 })]));
    ledger.fold(look(2, []));
    ledger.fold(look(3, [subflow(1, '10.77.1.1', { cookie: 1, sent: 130 })]));
    expect(ledger.paths.get('eth0')).toMatchObject({
      sentBytes: 130,
      subflowsEstablished: 2,
      subflowsClosed: { connection_closed: 1 },
    });
    expect(ledger.openSubflows).toBe(1);
  });

  it.each([
    ['a new token', subflow(2, '10.77.1.1', { cookie: 1, sent: 900 })],
    ['other ends', subflow(1, '10.77.1.1', { cookie: 1, sent: 900, local: { address: '10.77.1.1', port: 40_001 } })],
  ])('takes a known cookie with %s for a subflow that has moved all it shows', (_, again) => {
    const ledger = open();
    ledger.fold(look(1, [subflow(1, '10.77.1.1', { cookie: 1, sent: 100 })]));
    ledger.fold(look(2, [again]));
    expect(ledger.paths.get('eth0')).toMatchObject({ sentBytes: 1000, subflowsEstablished: 2, unaccountedCloses: 1 });
  });

  it('tells by the connection, not by its token alone, whether it went on: tokens are used again', () => {
    const ledger = open();
    const at = (seconds: number, cookie: number, subflows: Parameters<typeof reading>[0]['subflows'] = []) =>
      snapshot(reading({ connections: [connection(1, { cookie })], subflows }, { monotonicSeconds: seconds }));
    ledger.fold(at(1, 501, [subflow(1, '10.77.1.1', { cookie: 1 })]));
    ledger.fold(at(2, 502));
    expect(ledger.paths.get('eth0')?.subflowsClosed).toMatchObject({ connection_closed: 1, subflow_closed: 0 });
  });

  it('takes a subflow of a connection that is being closed for closed with it', () => {
    const ledger = open();
    const at = (seconds: number, subflows: Parameters<typeof reading>[0]['subflows'] = []) =>
      snapshot(
        reading({ connections: [connection(1, { state: 'fin_wait_2' })], subflows }, { monotonicSeconds: seconds }),
      );
    ledger.fold(at(1, [subflow(1, '10.77.1.1', { cookie: 1 })]));
    ledger.fold(at(2));
    expect(ledger.paths.get('eth0')?.subflowsClosed.connection_closed).toBe(1);
  });

  it('credits a subflow that changes its path with what it moves from then on', () => {
    const ledger = open();
    const rules = [{ name: 'b', local: '10.77.1.0/24' }];
    const at = (seconds: number, sent: number) =>
      reading({ subflows: [subflow(1, '10.77.1.1', { cookie: 1, sent })] }, { monotonicSeconds: seconds });
    ledger.fold(snapshot(at(1, 100)));
    ledger.fold(snapshot(at(2, 130), rules));
    expect([ledger.paths.get('eth0')?.sentBytes, ledger.paths.get('b')?.sentBytes]).toEqual([100, 30]);
  });

  it('leaves a counter absent that the source does not have', () => {
    const ledger = open();
    ledger.fold(look(1, [subflow(1, '10.77.1.1', { cookie: 1, tcp: {} })]));
    expect(ledger.paths.get('eth0')).not.toHaveProperty('sentBytes');
    expect(ledger.ratesOf(1)).toEqual({});
  });

  it('measures rates over spans, not between two looks in a row', () => {
    const ledger = open();
    const at = (seconds: number, sent: number) =>
      ledger.fold(look(seconds, [subflow(1, '10.77.1.1', { cookie: 1, sent })]));
    const spans = [at(1, 1000), at(1.1, 2000), at(2, 3000)].map(({ spanSeconds }) => spanSeconds);
    expect(spans).toEqual([1, undefined, 1]);
    expect(ledger.ratesOf(1).sendBytesPerSecond).toBe(2000);
  });

  it('for any history of subflows, path totals equal the bytes seen since each appeared, and never shrink', () => {
    const step = fc.record({ id: fc.nat(5), moved: fc.nat(10_000), close: fc.boolean() });
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 30 }), (history) => {
        const ledger = open();
        const sockets = new Map<number, { cookie: number; sent: number; link: number; closing: boolean }>();
        const expected = { eth0: 0, wlan0: 0 };
        let cookies = 0;
        let before = 0;
        history.forEach((steps, index) => {
          for (const { id, moved, close } of steps) {
            const socket = sockets.get(id) ?? { cookie: ++cookies, sent: 0, link: 1 + (id % 2), closing: false };
            socket.sent += moved;
            expected[socket.link === 1 ? 'eth0' : 'wlan0'] += moved;
            // Closed only after a look has seen the last bytes: polling cannot know more.
            socket.closing ||= close;
            sockets.set(id, socket);
          }
          const seen = [...sockets.values()].map(({ cookie, sent, link }) =>
            subflow(cookie, `10.77.${link}.1`, { cookie, sent }),
          );
          ledger.fold(look(index + 1, seen));
          for (const [id, { closing }] of sockets) if (closing) sockets.delete(id);
          const total = [...ledger.paths.values()].reduce((sum, { sentBytes }) => sum + (sentBytes ?? 0), 0);
          expect(total).toBeGreaterThanOrEqual(before);
          before = total;
        });
        for (const [path, bytes] of Object.entries(expected))
          expect(ledger.paths.get(path)?.sentBytes ?? 0).toBe(bytes);
      }),
      { numRuns: 300 },
    );
  });
});
