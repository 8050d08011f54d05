import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ErrorTally } from '../../exporter/src/error-tally.ts';
import type { SourceEvent, SubflowRecord } from '../../exporter/src/mptcp/model.ts';
import { Observer } from '../../exporter/src/observer.ts';
import { reading, subflow } from '../support/scene.ts';

const socket = (port: number, sent: number): SubflowRecord =>
  subflow(port, '10.77.1.1', { cookie: port, sent, local: { address: '10.77.1.1', port } });
const closed = (port: number, sent: number): SourceEvent => ({ kind: 'close', close: socket(port, sent) });
const created = (port: number): SourceEvent => {
  const { token = 0, local, remote } = socket(port, 0);
  return { kind: 'path_manager', event: { name: 'created', token, local, remote } };
};

/** An observer of so many subflows, which looks when it is told to, and has looked once. */
async function observing(count: number) {
  const open = new Map(Array.from({ length: count }, (_, port) => [port, 100]));
  let tell: (events: readonly SourceEvent[]) => void = () => undefined;
  const read = async () => {
    const subflows = [...open].map(([port, sent]) => socket(port, sent));
    return reading({ subflows }, { monotonicSeconds: performance.now() / 1000 });
  };
  const subscribe = async (listener: typeof tell) => {
    tell = listener;
    return undefined;
  };
  const observer = new Observer({
    source: { name: 'netlink', kernel: 'upstream', read, subscribe, close: () => undefined },
    rules: [],
    sampleIntervalMs: 60_000,
    subflowLimit: 200,
    parts: new Set(),
    errors: new ErrorTally(),
  });
  await observer.start();
  await observer.look();
  return { observer, open, tell: (events: readonly SourceEvent[]) => tell(events) };
}

/** Does something at every turn of the event loop until the look is taken in; gives how often. */
async function meanwhile(look: Promise<unknown>, act: (turns: number) => void): Promise<number> {
  let done = false;
  const ended = look.then(() => {
    done = true;
  });
  let turns = 0;
  while (!done) {
    await turn();
    if (!done) act(turns++);
  }
  await ended;
  return turns;
}

describe('a look at many subflows', () => {
  it('gives way to what waits, a look at few is taken in at once', async () => {
    const [many, few] = [await observing(600), await observing(400)];
    expect(await meanwhile(many.observer.look(), () => undefined)).toBeGreaterThanOrEqual(2);
    expect(await meanwhile(few.observer.look(), () => undefined)).toBeLessThan(2);
    await Promise.all([many.observer.stop(), few.observer.stop()]);
  });

  it('loses no event that comes meanwhile, and counts none twice', async () => {
    const { observer, open, tell } = await observing(600);
    for (const port of open.keys()) open.set(port, 300);
    const turns = await meanwhile(observer.look(), (port) => {
      // One that the look shows ends, and one that it cannot show comes and goes.
      open.delete(port);
      tell([closed(port, 700), created(1000 + port), closed(1000 + port, 50)]);
    });
    await observer.look();
    await observer.look();
    const { ledger } = await observer.look();
    expect(turns).toBeGreaterThanOrEqual(2);
    expect(ledger.openSubflows).toBe(600 - turns);
    expect(ledger.paths.get('eth0')).toMatchObject({
      sentBytes: (600 - turns) * (300 - 100) + turns * (700 - 100) + turns * 50,
      subflowsEstablished: turns,
      subflowsClosed: { connection_closed: 2 * turns },
      unaccountedCloses: 0,
    });
    await observer.stop();
  });

  it('shows pictures that fit together meanwhile', async () => {
    const { observer, open } = await observing(600);
    for (let port = 2000; port < 2300; port++) open.set(port, port * 1000);
    const shown: (readonly number[])[] = [];
    await meanwhile(observer.look(), () => {
      const { snapshot, hiddenSubflows, shownSubflows } = observer.picture ?? {};
      shown.push([snapshot?.sockets.value?.subflows.length ?? 0, (hiddenSubflows ?? 0) + (shownSubflows?.length ?? 0)]);
    });
    for (const [inSnapshot, inPicture] of shown) expect(inPicture).toBe(inSnapshot);
    expect(shown.at(-1)?.[0]).toBe(900);
    await observer.stop();
  });
});
