import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExporterError } from '../../../exporter/src/errors.ts';
import { Channel } from '../../../exporter/src/linux/netlink/channel.ts';
import { decodeClose } from '../../../exporter/src/linux/netlink/destroy.ts';
import { decodeEndpoint, decodeFamily, decodeLimits } from '../../../exporter/src/linux/netlink/mptcp-pm.ts';
import { decodePathManagerEvent } from '../../../exporter/src/linux/netlink/pm-events.ts';
import { decodeAddress, decodeLink } from '../../../exporter/src/linux/netlink/route.ts';
import { decodeConnection, subflowDecoder } from '../../../exporter/src/linux/netlink/sock-diag.ts';
import { NetlinkSocket } from '../../../exporter/src/linux/netlink/socket.ts';
import { Attributes, Messages, NLMSG, type RowDecoder, verdict } from '../../../exporter/src/linux/netlink/wire.ts';
import { mutated } from '../../support/mutate.ts';
import { capture, concat, FakeKernel, messagesOf, plain, refusal, rowsOf } from './fake-kernel.ts';
import { capturedEvents, type EventKind, FakeMulticast } from './fake-multicast.ts';

const MARGIN = 512;

// Most runs end in an error, and its stack is most of the time.
const { stackTraceLimit } = Error;
beforeAll(() => {
  Error.stackTraceLimit = 0;
});
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit;
});

/** The result, or the code of the only kind of error that a decoder may throw; anything else fails the test. */
function attempt(decode: RowDecoder<unknown>, row: Uint8Array, surroundings: number): unknown {
  const bytes = new Uint8Array(row.length + 2 * MARGIN).fill(surroundings);
  bytes.set(row, MARGIN);
  try {
    const record = decode(new DataView(bytes.buffer), MARGIN, MARGIN + row.length);
    // Records are read when they are asked for, so they are asked for everything.
    return record === undefined ? undefined : plain(record);
  } catch (error) {
    if (error instanceof ExporterError && error.code !== 'internal') return error.code;
    throw error;
  }
}

function property(decode: RowDecoder<unknown>, rows: readonly Uint8Array[], runs: number): void {
  fc.assert(
    fc.property(mutated(rows), (row) => {
      // What lies around the message must not show in the result.
      const result = attempt(decode, row, 0xff);
      if (!isDeepStrictEqual(result, attempt(decode, row, 0x00))) expect(attempt(decode, row, 0x00)).toEqual(result);
    }),
    { numRuns: runs },
  );
}

const rows = (...names: string[]): Uint8Array[] =>
  (['client', 'server'] as const).flatMap((end) => names.flatMap((name) => rowsOf(capture(end, name))));

const INODES = new Set([236838]);

/** Whole messages of one kind, with and without subflows, of both families. */
const eventMessages = (kind: EventKind): Uint8Array[] =>
  (['client', 'server'] as const).flatMap((end) =>
    ['v4-client-closes', 'v6-client-closes', 'v4-to-dual-stack', 'subflow-reset'].flatMap((step) =>
      capturedEvents(step, end, kind),
    ),
  );
const payloads = (kind: EventKind): Uint8Array[] => eventMessages(kind).map((message) => message.slice(16));

describe('damaged messages never hang, never throw but typed errors, and are never read beyond their end', {
  timeout: 120_000,
}, () => {
  it('of MPTCP sockets', () => property(decodeConnection, rows('sock-diag-mptcp4', 'sock-diag-mptcp6'), 15_000));
  it('of TCP sockets', () => property(subflowDecoder(INODES), rows('sock-diag-tcp4', 'sock-diag-tcp6'), 15_000));
  it('of path-manager endpoints', () => property(decodeEndpoint, rows('mptcp_pm-get-addr'), 10_000));
  it('of path-manager limits', () => property(decodeLimits, rows('mptcp_pm-get-limits'), 5_000));
  it('of generic netlink families', () => property(decodeFamily, rows('genl-getfamily-mptcp_pm'), 10_000));
  it('of interfaces', () => property(decodeLink, rows('rtnl-getlink'), 13_000));
  it('of addresses', () => property(decodeAddress, rows('rtnl-getaddr'), 13_000));
  it('of path-manager events', () => property(decodePathManagerEvent, payloads('pm'), 20_000));
  it('of destroyed sockets', () => property(decodeClose, payloads('destroy'), 20_000));
  it('of refusals', () => {
    const refusals = [
      refusal(22, 'Unsupported attribute'),
      refusal(1),
      ...messagesOf(capture('client', 'rtnl-getaddr')),
    ];
    property(walk, refusals, 5_000);
  });
  it('in whole dumps', () => property(walk, WHOLE_DUMPS, 20_000));
});

const WHOLE_DUMPS = ['sock-diag-mptcp4', 'sock-diag-mptcp6', 'mptcp_pm-get-addr', 'rtnl-getaddr'].map((name) =>
  capture('server', name),
);

/** Every message with its attributes or verdict; a damaged header ends the walk. */
function walk(view: DataView, start: number, end: number): unknown {
  const window = new DataView(view.buffer, start, end - start);
  const messages = new Messages(window);
  const seen: unknown[] = [];
  while (messages.next()) {
    const { type, flags } = messages;
    if (type === NLMSG.error || type === NLMSG.done) seen.push(verdict(window, messages));
    const attributes = new Attributes(window, Math.min(messages.start + 4, messages.end), messages.end);
    try {
      while (attributes.next()) seen.push(type, flags, attributes.type, attributes.length, attributes.text());
    } catch (error) {
      if (!(error instanceof ExporterError)) throw error;
      seen.push(error.code);
    }
  }
  return seen;
}

describe('a damaged dump', () => {
  it('ends in rows or in a typed error, whatever way it is cut into reads', async () => {
    await fc.assert(
      fc.asyncProperty(mutated(WHOLE_DUMPS), fc.nat({ max: 3 }), async (dump, cuts) => {
        const size = Math.ceil((dump.length + 1) / (cuts + 1));
        const reads = Array.from({ length: cuts + 1 }, (_, index) => dump.slice(index * size, (index + 1) * size));
        const kernel = new FakeKernel(() => [...reads.filter((read) => read.length > 0), { errno: 'ECONNRESET' }]);
        const socket = new NetlinkSocket({ connect: kernel.connect, onIncident: () => undefined });
        const ended = socket.dump({
          type: 20,
          payload: concat(),
          answer: 20,
          doing: 'test',
          decode: decodeConnection,
        });
        await ended.catch((error: unknown) => {
          if (!(error instanceof ExporterError) || error.code === 'internal') throw error;
        });
        socket.close();
        expect(kernel.open).toBe(0);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('a damaged event', () => {
  it('is told or counted by its own code, and the one after it is told', async () => {
    const [good = concat()] = capturedEvents('v4-client-closes', 'client', 'destroy');
    const kernel = new FakeMulticast();
    const incidents: string[] = [];
    const channel = new Channel({
      part: 'sockets',
      doing: 'test',
      connect: (onReadable) => kernel.listen(4, [1], onReadable),
      decode: (type, view, start, end) => {
        const close = type === 20 ? decodeClose(view, start, end) : undefined;
        return close && { kind: 'close', close };
      },
      onIncident: (code) => incidents.push(code),
    });
    await channel.listen(() => undefined);
    fc.assert(
      fc.property(mutated(eventMessages('destroy')), (damaged) => {
        incidents.length = 0;
        kernel.send(4, damaged, good);
        channel.read(Number.POSITIVE_INFINITY);
        const told = channel.take();
        expect(channel.drained && channel.open).toBe(true);
        expect(told.at(-1)).toMatchObject({ kind: 'close', close: { local: { port: 33566 } } });
        expect(incidents).not.toContain('internal');
        expect(incidents.length).toBeLessThanOrEqual(Math.ceil(damaged.length / 16));
      }),
      { numRuns: 5_000 },
    );
    channel.close();
  });
});
