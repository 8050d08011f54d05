import { ExporterError } from '../../errors.ts';
import { AHEAD_SLOT_BYTES, AHEAD_SLOTS, type Transport } from './transport.ts';

/** What spoils an answer on its way: messages were lost, or a datagram did not fit. */
export type Loss = 'overrun' | 'truncated';

/** Calls the kernel, and again after what passes. Throws {@link ExporterError}. */
export type Attempt = <R>(call: () => R | Promise<R>) => Promise<R>;

/** The kernel answers with at most 32 KiB at a time, unless one row alone is larger. */
export const BUFFER_BYTES = 128 * 1024;

/** So many are read in the event loop, some 250 subflows: for few datagrams the way to another thread and back is longer. */
const READ_ONE_BY_ONE = 4;

/**
 * The datagrams of an answer as they come, without end, each good until the next is asked for. Those of a long dump are
 * read in another thread while the ones before are decoded: making them is most of the kernel's work, and all of it
 * happens in the call that reads.
 */
export async function* datagrams(
  transport: Transport,
  buffer: Uint8Array,
  attempt: Attempt,
): AsyncGenerator<DataView | Loss> {
  const { readAhead } = transport;
  // A row that outgrew the usual buffer does not fit the room of a read ahead either.
  const mayReadAhead = readAhead !== undefined && buffer.length === BUFFER_BYTES;
  try {
    for (let read = 0; read < READ_ONE_BY_ONE || !mayReadAhead; read += 1) {
      const size = await attempt(() => transport.read(buffer));
      yield size === buffer.length ? 'truncated' : new DataView(buffer.buffer, buffer.byteOffset, size);
    }
    if (mayReadAhead) yield* readByMany(readAhead, attempt);
  } catch (error) {
    if (!(error instanceof ExporterError) || error.code !== 'overrun') throw error;
    yield 'overrun';
  }
}

async function* readByMany(
  readAhead: () => Promise<readonly DataView[]>,
  attempt: Attempt,
): AsyncGenerator<DataView | Loss> {
  let underWay: Promise<readonly DataView[]> | undefined;
  const take = () => {
    const taken = underWay ?? readAhead();
    underWay = undefined;
    return taken;
  };
  try {
    for (;;) {
      const many = await attempt(take);
      // Fewer than there is room for are the last: in a dump the kernel always has the next at hand.
      if (many.length === AHEAD_SLOTS) underWay = readAhead();
      underWay?.catch(() => undefined); // whoever asks for the datagrams is told
      for (const datagram of many) yield datagram.byteLength < AHEAD_SLOT_BYTES ? datagram : 'truncated';
    }
  } finally {
    await underWay?.catch(() => undefined); // or it would take the answer to the next request
  }
}
