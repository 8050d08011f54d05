import { describe, expect, it } from 'vitest';
import { ErrorTally } from '../../exporter/src/error-tally.ts';
import { pageModel } from '../../exporter/src/http/page-model.ts';
import type { SubflowRecord, TcpInfo } from '../../exporter/src/mptcp/model.ts';
import { Observer } from '../../exporter/src/observer.ts';
import { connection, reading, subflow } from '../support/scene.ts';

/** What the page says of eth0 when these subflows are open there. */
async function onEth0(subflows: readonly SubflowRecord[]) {
  const look = reading({ connections: [connection(1)], subflows });
  const observer = new Observer({
    source: { name: 'netlink', kernel: 'upstream', read: async () => look, close: () => undefined },
    rules: [],
    sampleIntervalMs: 1000,
    subflowLimit: 200,
    parts: new Set(),
    errors: new ErrorTally(),
  });
  const picture = await observer.look();
  const { paths } = pageModel(picture, { name: 'netlink', kernel: 'upstream' }, { version: '0' });
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
