import { describe, expect, it } from 'vitest';
import { ErrorTally } from '../../exporter/src/error-tally.ts';
import { pageModel } from '../../exporter/src/http/page-model.ts';
import type { Reading, SubflowRecord, TcpInfo } from '../../exporter/src/mptcp/model.ts';
import { Observer } from '../../exporter/src/observer.ts';
import { connection, INTERFACES, JOINED, reading, subflow } from '../support/scene.ts';

/** What the page says of these looks, the last one. */
async function pageOf(looks: readonly Reading[]) {
  const rest = [...looks];
  const observer = new Observer({
    source: {
      name: 'netlink',
      kernel: 'upstream',
      read: async () => rest.shift() ?? reading({}),
      close: () => undefined,
    },
    rules: [],
    sampleIntervalMs: 1000,
    subflowLimit: 200,
    parts: new Set(),
    errors: new ErrorTally(),
  });
  for (const _ of looks.slice(1)) await observer.look();
  return pageModel(await observer.look(), { name: 'netlink', kernel: 'upstream' }, { version: '0' });
}

/** What the page says of eth0 when these subflows are open there. */
async function onEth0(subflows: readonly SubflowRecord[]) {
  const { paths } = await pageOf([reading({ connections: [connection(1)], subflows })]);
  return paths.find(({ name }) => name === 'eth0');
}

const open = (cookie: number, tcp: TcpInfo) =>
  subflow(1, '10.77.1.1', { cookie, tcp: { sentBytes: 1, receivedBytes: 1, lastDataReceivedSeconds: 60, ...tcp } });

describe('the round trip on the page', () => {
  const busy = { lastDataSentSeconds: 0.01 };
  const quiet = { lastDataSentSeconds: 60 };

  it('is that of the subflows that move data, not what idle ones measured a while ago', async () => {
    const subflows = [
      open(1, { ...busy, rttSeconds: 0.01 }),
      open(2, { ...busy, rttSeconds: 0.03 }),
      open(3, { ...quiet, rttSeconds: 0.4 }),
    ];
    expect((await onEth0(subflows))?.rttSeconds).toBeCloseTo(0.02, 6);
  });

  it.each([
    ['all are idle: what they measured last', [open(1, { ...quiet, rttSeconds: 0.4 })], 0.4],
    ['the busy one has not measured any', [open(1, busy), open(2, { ...quiet, rttSeconds: 0.4 })], 0.4],
    ['none has measured any', [open(1, busy)], undefined],
    ['there is none', [], undefined],
  ] as const)('when %s', async (_case, subflows, seconds) => {
    expect((await onEth0(subflows))?.rttSeconds).toBe(seconds);
  });
});

describe('the health of the paths on the page', () => {
  const sockets = {
    connections: [connection(1)],
    subflows: [subflow(1, '10.77.1.1', { cookie: 1 }), subflow(1, '10.77.2.1', { cookie: 2, flags: JOINED })],
  };
  const look = (monotonicSeconds: number, overrides: Partial<Reading> = {}) =>
    reading(sockets, { monotonicSeconds, ...overrides });
  const state = ({ paths }: Awaited<ReturnType<typeof pageOf>>) =>
    paths.map(({ name, words, condition }) => [name, words.replace(/\d\d:\d\d:\d\d/, 'TIME'), condition]);

  it('is in the headline: all well', async () => {
    const page = await pageOf([look(1)]);
    expect(page.headline).toBe('MPTCP is on: 1 connection over 2 paths, all well');
    expect(page.troubled).toBe(false);
    expect(state(page)).toEqual([
      ['eth0', 'Up since TIME, idle', 'good'],
      ['wlan0', 'Up since TIME, idle', 'good'],
    ]);
  });

  it('is in the headline: who is in trouble', async () => {
    const interfaces = INTERFACES.map((one) => (one.name === 'wlan0' ? { ...one, carrier: false } : one));
    const page = await pageOf([look(1), look(2, { interfaces: { value: interfaces } })]);
    expect(page.headline).toBe('MPTCP is on: 1 connection over 2 paths, but wlan0 is down');
    expect(page.troubled).toBe(true);
    expect(state(page)[1]).toEqual(['wlan0', 'Down since TIME: no carrier', 'bad']);
  });

  it('shows a path in trouble of which nothing else is left', async () => {
    const interfaces = INTERFACES.filter(({ name }) => name !== 'wlan0');
    const gone = reading({}, { monotonicSeconds: 2, interfaces: { value: interfaces } });
    const page = await pageOf([look(1), gone]);
    expect(page.headline).toBe('MPTCP is on: no connection uses it now, but wlan0 is down');
    expect(state(page)[1]).toEqual(['wlan0', 'Down since TIME: its interface is gone', 'bad']);
  });

  it('is not known any more when the kernel could not be read for long, and does not cover that up', async () => {
    const failed = (monotonicSeconds: number) =>
      look(monotonicSeconds, { sockets: { failure: { code: 'timeout', message: 'too slow' } } });
    const soon = await pageOf([look(1), failed(5)]);
    expect([soon.headline, soon.problems, state(soon)[0]?.[2]]).toEqual(['MPTCP cannot be read', ['too slow'], 'good']);
    expect(state(await pageOf([look(1), failed(60)]))[0]).toEqual(['eth0', 'Not known', 'quiet']);
  });
});
