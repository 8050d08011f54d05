import { describe, expect, it } from 'vitest';
import { type ErrorCode, ExporterError } from '../../../exporter/src/errors.ts';
import type { Limits } from '../../../exporter/src/linux/netlink/budget.ts';
import { NetlinkSocket, type Query } from '../../../exporter/src/linux/netlink/socket.ts';
import {
  concat,
  done,
  FakeKernel,
  message,
  refusal,
  type SeenRequest,
  type Step,
  systemError,
  u32,
} from './fake-kernel.ts';

const ROW = 20;
const MULTI = 0x2;
const INTERRUPTED = 0x10;

/** A row that holds one number. */
const row = (number: number, flags = MULTI): Uint8Array => message(ROW, flags, u32(number));

const query: Query<number> = {
  type: ROW,
  payload: Uint8Array.of(1),
  answer: ROW,
  doing: 'read the numbers',
  remedies: { permission_denied: 'Run as root.' },
  decode: (view, start) => {
    const number = view.getUint32(start, true);
    if (number === 666) throw new ExporterError('malformed', 'an evil number');
    if (number === 667) throw new ExporterError('not_tcp_info', 'a number of another kind');
    return number === 0 ? undefined : number;
  },
};

/** A socket on a kernel that answers the nth request with the nth script, and the last one from then on. */
function script(answers: readonly (readonly Step[])[], limits?: Limits) {
  let turn = 0;
  const kernel = new FakeKernel(() => answers[Math.min(turn++, answers.length - 1)] ?? []);
  return { kernel, ...socketOn(kernel, limits) };
}

function socketOn(kernel: FakeKernel, limits?: Limits) {
  const incidents: ErrorCode[] = [];
  const socket = new NetlinkSocket({
    connect: kernel.connect,
    onIncident: (code) => incidents.push(code),
    ...(limits && { limits }),
  });
  return { socket, incidents };
}

describe('a dump', () => {
  it('gathers rows over several messages and reads, to the end and not beyond', async () => {
    const { socket, kernel, incidents } = script([[concat(row(1), row(0), row(2)), row(3), concat(row(4), done())]]);
    expect(await socket.dump(query)).toEqual([1, 2, 3, 4]);
    expect(incidents).toEqual([]);
    expect(kernel.requests).toMatchObject([{ type: ROW, flags: 0x301, payload: Uint8Array.of(1) }]);
  });

  it('of an empty table is empty', async () => {
    expect(await script([[done()]]).socket.dump(query)).toEqual([]);
  });

  it('passes over answers to something else: old ones, other ports, other types, no-ops', async () => {
    const stray: Step = { verbatim: message(ROW, MULTI, u32(9)) };
    const { socket } = script([[stray, row(1), message(1, 0, []), message(21, 0, u32(9)), done()]]);
    expect(await socket.dump(query)).toEqual([1]);

    const kernel = new FakeKernel(({ sequence }: SeenRequest) => {
      const foreign = row(9);
      new DataView(foreign.buffer).setUint32(8, sequence, true);
      new DataView(foreign.buffer).setUint32(12, 77, true);
      return [row(1), { verbatim: foreign }, done()];
    });
    expect(await socketOn(kernel).socket.dump(query)).toEqual([1]);
  });

  it('that the table changed under is repeated, and only the good one counts', async () => {
    const spoilt = [row(1), row(2, MULTI | INTERRUPTED), done()];
    const { socket, kernel, incidents } = script([spoilt, [row(3), done(0, MULTI | INTERRUPTED)], [row(5), done()]]);
    expect(await socket.dump(query)).toEqual([5]);
    expect(incidents).toEqual(['dump_interrupted', 'dump_interrupted']);
    expect(new Set(kernel.requests.map(({ sequence }) => sequence)).size).toBe(3);
  });

  it('of a table that never holds still is taken as it is after three repetitions', async () => {
    const { socket, kernel, incidents } = script([[row(1, MULTI | INTERRUPTED), done()]]);
    expect(await socket.dump(query)).toEqual([1]);
    expect(incidents).toEqual(Array(4).fill('dump_interrupted'));
    expect(kernel.requests).toHaveLength(4);
  });

  it.each([
    ['ENOBUFS', { errno: 'ENOBUFS' } as const],
    ['NLMSG_OVERRUN', message(4, 0, [])],
  ])('that overran (%s) is repeated on a fresh descriptor, so that nothing of it is left', async (_, step) => {
    const { socket, kernel, incidents } = script([
      [row(1), step, row(2), done()],
      [row(3), done()],
    ]);
    expect(await socket.dump(query)).toEqual([3]);
    expect(incidents).toEqual(['overrun']);
    expect([kernel.opened, kernel.open]).toEqual([2, 1]);
  });

  it('that always overruns fails after three repetitions', async () => {
    const { socket, kernel } = script([[{ errno: 'ENOBUFS' }]]);
    await expect(socket.dump(query)).rejects.toMatchObject({
      code: 'overrun',
      message: 'cannot read the numbers: 3 repetitions did not help',
    });
    expect(kernel.requests).toHaveLength(4);
  });

  it('with a datagram larger than the buffer is repeated with a larger one', async () => {
    const large = concat(row(1), message(21, 0, new Uint8Array(200 * 1024)), done());
    const { socket, incidents } = script([[large]]);
    expect(await socket.dump(query)).toEqual([1]);
    expect(incidents).toEqual(['truncated']);
    expect(await socket.dump(query)).toEqual([1]);
    expect(incidents).toEqual(['truncated']);
  });

  it('with datagrams without end fails', async () => {
    const { socket } = script([[{ verbatim: new Uint8Array(5 * 1024 * 1024) }]]);
    await expect(socket.dump(query)).rejects.toMatchObject({ code: 'truncated' });
  });

  it('goes on after signals', async () => {
    const { socket, incidents } = script([[{ errno: 'EINTR' }, row(1), { errno: 'EINTR' }, done()]]);
    expect(await socket.dump(query)).toEqual([1]);
    expect(incidents).toEqual(['interrupted', 'interrupted']);
  });

  it('gives up when signals never end', async () => {
    const { socket, incidents } = script([Array<Step>(100).fill({ errno: 'EINTR' })]);
    await expect(socket.dump(query)).rejects.toMatchObject({ code: 'interrupted' });
    expect(incidents).toHaveLength(32);
  });

  it('waits for an answer that is late', async () => {
    const { socket, incidents } = script([
      [{ errno: 'EAGAIN' }, { errno: 'EAGAIN' }, row(1), { errno: 'EAGAIN' }, done()],
    ]);
    expect(await socket.dump(query)).toEqual([1]);
    expect(incidents).toEqual([]);
  });

  it('without an answer times out instead of hanging, and lets others work meanwhile', async () => {
    const { socket } = script([[row(1)]], { milliseconds: 100, bytes: 1e6 });
    let ticks = 0;
    const ticking = setInterval(() => {
      ticks += 1;
    }, 5);
    await expect(socket.dump(query)).rejects.toMatchObject({ code: 'timeout' });
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(3);
  });

  it('that never ends is cut off by size', async () => {
    const { socket } = script([Array<Step>(100).fill(row(1))], { milliseconds: 10_000, bytes: 500 });
    await expect(socket.dump(query)).rejects.toMatchObject({ code: 'output_too_large' });
  });

  it('that never ends is cut off by time, and lets others work meanwhile', async () => {
    const kernel = new FakeKernel(() => []);
    const busy = (): ReturnType<typeof kernel.connect> => ({ ...kernel.connect(), read: () => 0 });
    const socket = new NetlinkSocket({
      connect: busy,
      onIncident: () => undefined,
      limits: { milliseconds: 60, bytes: 1e6 },
    });
    let ticked = false;
    setTimeout(() => {
      ticked = true;
    }, 20);
    await expect(socket.dump(query)).rejects.toMatchObject({ code: 'timeout' });
    expect(ticked).toBe(true);
  });

  it('skips rows that do not decode and reports each', async () => {
    const { socket, incidents } = script([[row(1), row(666), row(666), row(2), done()]]);
    expect(await socket.dump(query)).toEqual([1, 2]);
    expect(incidents).toEqual(['malformed', 'malformed']);
  });

  it('in which no row decodes fails: that is no empty table', async () => {
    const { socket, incidents } = script([[row(666), done()]]);
    await expect(socket.dump(query)).rejects.toMatchObject({ code: 'malformed', message: 'an evil number' });
    expect(incidents).toEqual([]);
  });

  it('fails at once when its decoder refuses the whole table', async () => {
    await expect(script([[row(1), row(667), done()]]).socket.dump(query)).rejects.toMatchObject({
      code: 'not_tcp_info',
    });
  });
});

describe('a refusal', () => {
  it.each([
    [1, 'permission_denied', 'cannot read the numbers: EPERM. Run as root.'],
    [13, 'permission_denied', 'cannot read the numbers: EACCES. Run as root.'],
    [2, 'not_supported', 'cannot read the numbers: ENOENT'],
    [95, 'not_supported', 'cannot read the numbers: ENOTSUP'],
    [93, 'not_supported', 'cannot read the numbers: EPROTONOSUPPORT'],
    [22, 'kernel_refused', 'cannot read the numbers: EINVAL'],
    [16, 'kernel_refused', 'cannot read the numbers: EBUSY'],
  ])('by errno %i is %s, in a message and at the end of a dump', async (errno, code, line) => {
    for (const step of [refusal(errno), done(errno)]) {
      await expect(script([[row(1), step]]).socket.dump(query)).rejects.toMatchObject({ code, line });
    }
  });

  it("comes with the kernel's own words", async () => {
    await expect(script([[refusal(22, 'bad family')]]).socket.dump(query)).rejects.toThrow(/EINVAL, bad family$/);
  });

  it.each(['EPERM', 'EBADF', 'ECONNREFUSED'] as const)('of a read by %s fails the dump', async (errno) => {
    await expect(script([[row(1), { errno }]]).socket.dump(query)).rejects.toBeInstanceOf(ExporterError);
  });

  it('of a write fails the dump', async () => {
    const kernel = new FakeKernel(() => {
      throw systemError('EPERM');
    });
    await expect(socketOn(kernel).socket.dump(query)).rejects.toMatchObject({ code: 'permission_denied' });
  });
});

describe('after a failure', () => {
  it('the next dump starts on a fresh descriptor and sees nothing of the failed one', async () => {
    const { socket, kernel } = script([
      [row(1), refusal(22), row(2), done()],
      [row(3), done()],
    ]);
    await expect(socket.dump(query)).rejects.toThrow(/EINVAL/);
    expect(await socket.dump(query)).toEqual([3]);
    expect([kernel.opened, kernel.open]).toEqual([2, 1]);
  });

  it('of the descriptor itself the socket heals', async () => {
    const kernel = new FakeKernel(() => [row(1), done()]);
    let attempts = 0;
    const socket = new NetlinkSocket({
      connect: () => {
        attempts += 1;
        if (attempts === 1) throw new ExporterError('permission_denied', 'not today');
        return kernel.connect();
      },
      onIncident: () => undefined,
    });
    await expect(socket.dump(query)).rejects.toThrow('not today');
    expect(await socket.dump(query)).toEqual([1]);
  });

  it.each([
    ['a message cut short', { verbatim: row(1).slice(0, 15) }, 'truncated'],
    ['a message of no length', { verbatim: new Uint8Array(16) }, 'malformed'],
  ])('of framing (%s) the dump is a typed error', async (_, step, code) => {
    await expect(script([[step]]).socket.dump(query)).rejects.toMatchObject({ code });
  });
});

describe('a single request', () => {
  it('is answered by one message, without a dump', async () => {
    const { socket, kernel } = script([[row(7, 0)]]);
    expect(await socket.request(query)).toBe(7);
    expect(kernel.requests[0]?.flags).toBe(0x1);
  });

  it.each([
    ['nothing', [done()], 'malformed'],
    ['what does not decode', [row(666)], 'malformed'],
    ['a refusal', [refusal(1)], 'permission_denied'],
    ['an overrun', [{ errno: 'ENOBUFS' } as const], 'overrun'],
  ])('that is answered by %s fails', async (_, answer, code) => {
    await expect(script([answer]).socket.request(query)).rejects.toMatchObject({ code });
  });
});

describe('the socket', () => {
  it('does one thing at a time, in the order asked, also after one that failed', async () => {
    const { socket, kernel } = script([[row(1), done()], [refusal(22)], [row(3), done()]]);
    const results = await Promise.allSettled([socket.dump(query), socket.dump(query), socket.request(query)]);
    expect(results).toMatchObject([{ value: [1] }, { status: 'rejected' }, { value: 3 }]);
    expect(kernel.requests).toHaveLength(3);
  });

  it('gives back its descriptor when it is closed, and a dump under way fails', async () => {
    const { socket, kernel } = script([[row(1)]]);
    const dump = socket.dump(query);
    await new Promise((resolve) => setTimeout(resolve, 5));
    socket.close();
    await expect(dump).rejects.toThrow('the netlink socket was closed');
    await expect(socket.dump(query)).rejects.toThrow('the netlink socket was closed');
    socket.close();
    expect([kernel.opened, kernel.open]).toEqual([1, 0]);
  });
});
