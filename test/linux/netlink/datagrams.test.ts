import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../exporter/src/errors.ts';
import { NetlinkSocket, type Query } from '../../../exporter/src/linux/netlink/socket.ts';
import { AHEAD_SLOT_BYTES, AHEAD_SLOTS, type Transport } from '../../../exporter/src/linux/netlink/transport.ts';
import { concat, done, FakeKernel, message, type Step, systemError, u32 } from './fake-kernel.ts';

const ROW = 20;
const row = (number: number): Uint8Array => message(ROW, 0x2, u32(number));
const query: Query<number> = {
  type: ROW,
  payload: Uint8Array.of(1),
  answer: ROW,
  doing: 'read the numbers',
  decode: (view, start) => view.getUint32(start, true),
};

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** One row a datagram, and the end in the last. */
const dumpOf = (count: number): Uint8Array[] =>
  numbers(count).map((n) => (n < count ? row(n) : concat(row(n), done())));

/** A socket on a kernel that other threads may read too, as the real one; `answers` by turn, the last one from then on. */
function socketOn(answers: readonly (readonly Step[])[]) {
  let turn = 0;
  const kernel = new FakeKernel(() => answers[Math.min(turn++, answers.length - 1)] ?? []);
  let [aheads, underWay, closedUnderWay] = [0, 0, 0];
  const connect = (): Transport => {
    const transport = kernel.connect();
    let pending: unknown; // as recvmmsg(2) does, which tells of an error after some datagrams at the next call
    return {
      ...transport,
      readAhead: async () => {
        aheads += 1;
        underWay += 1;
        const datagrams: DataView[] = [];
        let failure = pending;
        pending = undefined;
        while (datagrams.length < AHEAD_SLOTS && failure === undefined) {
          const into = new Uint8Array(AHEAD_SLOT_BYTES);
          try {
            datagrams.push(new DataView(into.buffer, 0, transport.read(into)));
          } catch (error) {
            failure = error;
          }
        }
        await new Promise(setImmediate);
        underWay -= 1;
        if (datagrams.length === 0) throw failure;
        pending = failure;
        return datagrams;
      },
      close: () => {
        closedUnderWay += underWay;
        transport.close();
      },
    };
  };
  const incidents: ErrorCode[] = [];
  const socket = new NetlinkSocket({ connect, onIncident: (code) => incidents.push(code) });
  const seen = () => ({ aheads, underWay, closedUnderWay, incidents });
  return { socket, kernel, seen };
}

describe('a long dump', () => {
  it('is the same, row by row, however many datagrams it takes, and so is the one after it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 * AHEAD_SLOTS }), async (count) => {
        const { socket, seen } = socketOn([dumpOf(count)]);
        expect(await socket.dump(query)).toEqual(numbers(count));
        expect(await socket.dump(query)).toEqual(numbers(count));
        expect(seen()).toMatchObject({ underWay: 0, incidents: [] });
      }),
      { numRuns: 60 },
    );
  });

  it('is read ahead, which a short one is not', async () => {
    const long = socketOn([dumpOf(3 * AHEAD_SLOTS)]);
    await long.socket.dump(query);
    expect(long.seen().aheads).toBeGreaterThanOrEqual(3);
    const short = socketOn([dumpOf(4)]);
    await short.socket.dump(query);
    expect(short.seen().aheads).toBe(0);
  });

  it('that overruns on the way is repeated on a fresh descriptor, and the repetition is not mixed with its rest', async () => {
    const broken: Step[] = [...dumpOf(AHEAD_SLOTS * 2).slice(0, 10), { errno: 'ENOBUFS' }, ...dumpOf(3)];
    const { socket, kernel, seen } = socketOn([broken, dumpOf(AHEAD_SLOTS * 2)]);
    expect(await socket.dump(query)).toEqual(numbers(AHEAD_SLOTS * 2));
    expect(kernel.opened).toBe(2);
    expect(seen()).toMatchObject({ underWay: 0, closedUnderWay: 0, incidents: ['overrun'] });
  });

  it('waits for a kernel that has nothing more for the moment', async () => {
    const halting: Step[] = [
      ...dumpOf(30).slice(0, 20),
      { errno: 'EAGAIN' },
      { errno: 'EAGAIN' },
      ...dumpOf(30).slice(20),
    ];
    expect(await socketOn([halting]).socket.dump(query)).toEqual(numbers(30));
  });

  it('with a row that fills the room of a read ahead is repeated, in a larger buffer and one by one', async () => {
    const large = concat(row(7), message(21, 0, new Uint8Array(AHEAD_SLOT_BYTES)));
    const steps: Step[] = [...numbers(6).map(row), large, ...dumpOf(2)];
    const { socket, seen } = socketOn([steps]);
    expect(await socket.dump(query)).toEqual([...numbers(7), 1, 2]);
    expect(seen()).toMatchObject({ aheads: 1, incidents: ['truncated'] });
  });

  it('that the kernel refuses halfway leaves nothing under way', async () => {
    const { socket, seen } = socketOn([[...dumpOf(200).slice(0, 100), done(1)]]);
    await expect(socket.dump(query)).rejects.toMatchObject({ code: 'permission_denied' });
    expect(seen()).toMatchObject({ underWay: 0, closedUnderWay: 0 });
  });

  it('fails with the errno of a read that failed in the other thread', async () => {
    const kernel = new FakeKernel(() => dumpOf(4).slice(0, 3).concat(row(4)));
    const connect = (): Transport => ({
      ...kernel.connect(),
      readAhead: () => Promise.reject(systemError('ENOTCONN')),
    });
    const socket = new NetlinkSocket({ connect, onIncident: () => undefined });
    await expect(socket.dump(query)).rejects.toMatchObject({
      code: 'kernel_refused',
      message: 'cannot read the numbers: ENOTCONN',
    });
  });
});
