import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ErrorCode } from '../../../exporter/src/errors.ts';
import type { ChannelOptions } from '../../../exporter/src/linux/netlink/channel.ts';
import { decodeClose } from '../../../exporter/src/linux/netlink/destroy.ts';
import { Subscription } from '../../../exporter/src/linux/netlink/subscription.ts';
import type { Receiver } from '../../../exporter/src/linux/netlink/transport.ts';
import type { SourceEvent } from '../../../exporter/src/mptcp/model.ts';
import { message, u32 } from './fake-kernel.ts';
import { capturedEvents, FakeMulticast } from './fake-multicast.ts';

/** Protocols of the two channels; the first one's events are to be told first. */
const FIRST = 16;
const SECOND = 4;

const INTERFACES: SourceEvent = { kind: 'interfaces' };

/** A message that holds a number; 0 tells nothing, 1 an interface change, 666 does not decode. */
const numbered = (number: number) => message(20, 0, u32(number));

type Overrides = Partial<Pick<ChannelOptions, 'connect' | 'decode'>>;

function subscribe(overrides: Readonly<Record<number, Overrides>> = {}, tell?: (batch: readonly string[]) => void) {
  const kernel = new FakeMulticast();
  const batches: string[][] = [];
  const incidents: ErrorCode[] = [];
  const channel = (protocol: number, part: 'sockets' | 'interfaces'): ChannelOptions => ({
    part,
    doing: 'listen',
    connect: (onReadable) => kernel.listen(protocol, [1], onReadable),
    decode: (_, view, start) => {
      const number = view.getUint32(start, true);
      if (number === 666) view.getUint32(view.byteLength);
      if (number === 1) return INTERFACES;
      return number === 0 ? undefined : { kind: 'path_manager', event: { name: 'closed', token: protocol + number } };
    },
    onIncident: (code) => incidents.push(code),
    ...overrides[protocol],
  });
  const subscription = new Subscription([channel(FIRST, 'interfaces'), channel(SECOND, 'sockets')], (events) => {
    batches.push(events.map(word));
    tell?.(events.map(word));
  });
  return { kernel, batches, incidents, subscription };
}

/** A number of the first channel as `16+n`, of the second as `4+n`. */
function word(event: SourceEvent): string {
  if (event.kind === 'overrun') return `overrun ${event.part}`;
  if (event.kind !== 'path_manager') return event.kind;
  const token = event.event.token ?? 0;
  return token > 1000 + FIRST ? `16+${token - FIRST}` : `4+${token - SECOND}`;
}
const first = (number: number) => numbered(number + 1000);
const second = (number: number) => numbered(number);

async function settle(turns = 12): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await nextTurn();
}

afterEach(() => {
  vi.useRealTimers();
});

describe('a subscription', () => {
  it('tells what arrives, in batches, and then waits for more', async () => {
    const { kernel, batches, subscription } = subscribe();
    expect(await subscription.open()).toEqual([]);
    expect(subscription.complete).toBe(true);
    kernel.send(SECOND, second(2), second(0), second(3));
    await settle();
    kernel.send(SECOND, second(4));
    await settle();
    expect(batches).toEqual([['4+2', '4+3'], ['4+4']]);
    subscription.close();
  });

  it("tells the first channel's events first, whichever came first", async () => {
    const { kernel, batches, subscription } = subscribe();
    await subscription.open();
    kernel.send(SECOND, second(2), second(3));
    kernel.send(FIRST, first(2), first(3));
    await settle();
    expect(batches.flat()).toEqual(['16+1002', '16+1003', '4+2', '4+3']);
    subscription.close();
  });

  it('works 64 datagrams of a descriptor at a time, letting others work in between, and loses none', async () => {
    const { kernel, batches, subscription } = subscribe();
    await subscription.open();
    const numbers = Array.from({ length: 500 }, (_, index) => index + 2);
    kernel.send(SECOND, ...numbers.map(second));
    let turnsOfOthers = 0;
    while (batches.flat().length < 500 && turnsOfOthers < 1_000) {
      await nextTurn();
      turnsOfOthers += 1;
    }
    expect(batches.flat()).toEqual(numbers.map((number) => `4+${number}`));
    expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(64);
    expect(turnsOfOthers).toBeGreaterThanOrEqual(7);
    subscription.close();
  });

  it('holds later channels back while the first has more to tell', async () => {
    const { kernel, batches, subscription } = subscribe();
    await subscription.open();
    kernel.send(SECOND, second(2));
    kernel.send(FIRST, ...Array.from({ length: 300 }, (_, index) => first(index + 2)));
    await settle(40);
    const told = batches.flat();
    expect(told).toHaveLength(301);
    expect(told.indexOf('4+2')).toBe(300);
    subscription.close();
  });

  it('tells the same change twice in a row once', async () => {
    const { kernel, batches, subscription } = subscribe();
    await subscription.open();
    kernel.send(SECOND, second(1), second(1), second(2), second(1));
    await settle();
    expect(batches.flat()).toEqual(['interfaces', '4+2', 'interfaces']);
    subscription.close();
  });

  it('keeps what it has told unchanged by what comes after', async () => {
    const kept: SourceEvent[] = [];
    const messages = capturedEvents('v4-client-closes', 'client', 'destroy');
    const kernel = new FakeMulticast();
    const subscription = new Subscription(
      [
        {
          part: 'sockets',
          doing: 'listen',
          connect: (onReadable) => kernel.listen(SECOND, [1], onReadable),
          decode: (_, view, start, end) => {
            const close = decodeClose(view, start, end);
            return close && { kind: 'close', close };
          },
          onIncident: () => undefined,
        },
      ],
      (events) => kept.push(...events),
    );
    await subscription.open();
    kernel.send(SECOND, ...messages);
    await settle();
    kernel.send(SECOND, new Uint8Array(380).fill(0xff));
    await settle();
    const acknowledged = kept.map((event) => event.kind === 'close' && event.close.tcp.acknowledgedBytes);
    expect(acknowledged).toEqual([196_530, 36_202]);
    subscription.close();
  });
});

describe('what goes wrong', () => {
  it.each([
    ['ENOBUFS', { errno: 'ENOBUFS' } as const],
    ['NLMSG_OVERRUN', message(4, 0, u32(0))],
  ])('an overrun (%s) is told where it happened, counted, and not the end', async (_, step) => {
    const { kernel, batches, incidents, subscription } = subscribe();
    await subscription.open();
    kernel.send(SECOND, second(2), step, second(3));
    await settle();
    kernel.send(SECOND, second(4));
    await settle();
    expect(batches.flat()).toEqual(['4+2', 'overrun sockets', '4+3', '4+4']);
    expect(incidents).toEqual(['overrun']);
    subscription.close();
  });

  it('a signal is counted and read over', async () => {
    const { kernel, batches, incidents, subscription } = subscribe();
    await subscription.open();
    kernel.send(SECOND, { errno: 'EINTR' }, second(2));
    await settle();
    expect(batches.flat()).toEqual(['4+2']);
    expect(incidents).toEqual(['interrupted']);
    subscription.close();
  });

  it.each([
    ['that does not decode', second(666), 'internal'],
    ['shorter than it says', second(5).slice(0, 17), 'truncated'],
    ['without a whole header', Uint8Array.of(1, 2, 3), 'truncated'],
    ['of an impossible length', new Uint8Array(20), 'malformed'],
  ])('a message %s is skipped and counted', async (_, bytes, code) => {
    const { kernel, batches, incidents, subscription } = subscribe();
    await subscription.open();
    kernel.send(SECOND, second(2), bytes, second(3));
    await settle();
    expect(batches.flat()).toEqual(['4+2', '4+3']);
    expect(incidents).toEqual([code]);
    subscription.close();
  });

  it('a dead descriptor is opened anew, and what was lost meanwhile is told then', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { kernel, batches, incidents, subscription } = subscribe();
    await subscription.open();
    kernel.send(SECOND, second(2), { errno: 'EBADF' });
    await settle();
    expect(batches).toEqual([['4+2']]);
    expect([subscription.complete, kernel.descriptors.length]).toEqual([false, 1]);
    expect(incidents).toEqual(['kernel_refused']);
    await vi.advanceTimersByTimeAsync(100);
    expect([subscription.complete, kernel.descriptors.length]).toEqual([true, 2]);
    kernel.send(SECOND, second(3));
    await settle();
    expect(batches.flat()).toEqual(['4+2', 'overrun sockets', '4+3']);
    subscription.close();
  });

  it('one that cannot be opened anew is tried at growing intervals, at most 30 s, each failure counted', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { kernel, incidents, subscription } = subscribe();
    await subscription.open();
    kernel.refusals.set(SECOND, new Error('gone'));
    kernel.send(SECOND, { errno: 'EBADF' });
    await settle();
    await vi.advanceTimersByTimeAsync(100 + 200 + 400);
    expect(incidents).toEqual(['kernel_refused', 'internal', 'internal', 'internal']);
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    const tries = incidents.length;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(incidents.length).toBe(tries + 1);
    kernel.refusals.clear();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(subscription.complete).toBe(true);
    subscription.close();
  });

  it('what cannot be opened at first is reported, not tried again, and does not cost the others', async () => {
    const { kernel, batches, subscription } = subscribe({
      [FIRST]: { connect: () => Promise.reject(new Error('no')) },
    });
    expect(await subscription.open()).toEqual([new Error('no')]);
    expect(subscription.complete).toBe(false);
    kernel.send(SECOND, second(2));
    await settle();
    expect(batches.flat()).toEqual(['4+2']);
    subscription.close();
  });
});

describe('a closed subscription', () => {
  it('gives back its descriptors and tells nothing any more', async () => {
    const { kernel, batches, subscription } = subscribe();
    await subscription.open();
    kernel.send(SECOND, second(2));
    subscription.close();
    await settle();
    expect(batches).toEqual([]);
    expect(kernel.descriptors).toEqual([]);
  });

  it('may be closed by its own listener', async () => {
    const { kernel, batches, subscription } = subscribe({}, () => subscription.close());
    await subscription.open();
    kernel.send(SECOND, ...Array.from({ length: 200 }, (_, index) => second(index + 2)));
    await settle(20);
    expect(batches).toHaveLength(1);
    expect(kernel.descriptors).toEqual([]);
  });

  it('gives back a descriptor that was still being opened', async () => {
    let opened: ((receiver: Receiver) => void) | undefined;
    const { kernel, subscription } = subscribe({
      [FIRST]: {
        connect: () =>
          new Promise((resolve) => {
            opened = resolve;
          }),
      },
    });
    const opening = subscription.open();
    subscription.close();
    opened?.(kernel.listen(FIRST, [1], () => undefined));
    await opening;
    expect(kernel.descriptors).toEqual([]);
  });

  it('does not open a dead descriptor anew', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { kernel, subscription } = subscribe();
    await subscription.open();
    kernel.send(SECOND, { errno: 'EBADF' });
    await settle();
    subscription.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(kernel.opened).toBe(2);
  });
});
