import fs from 'node:fs';
import { promisify } from 'node:util';
import { asExporterError, ExporterError } from '../../errors.ts';
import type { DatagramBatch } from '../datagram-batch.ts';
import type { Libc } from '../libc.ts';

const writeInPool = promisify(fs.write) as (descriptor: number, bytes: Uint8Array) => Promise<unknown>;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;

/** Asked for; the kernel grants at most net.core.rmem_max. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** For 20,000 messages at once (the kernel doubles the figure, and charges 1.3 KiB for each); memory is taken only while they wait. */
const EVENT_BUFFER_BYTES = 16 * 1024 * 1024;

/** Most datagrams of a read ahead, a few milliseconds' work for the kernel, which fills at most 32 KiB each. */
export const AHEAD_SLOTS = 16;
/** Room for each of them. */
export const AHEAD_SLOT_BYTES = 32 * 1024;

/** The end of a netlink socket that moves bytes; tests put a scripted kernel in its place. Errors carry `errno` as node:fs's do. */
export interface Transport {
  /** Sends one request to the kernel, which does the first share of the work that it asks for before this returns. */
  write(bytes: Uint8Array): void;
  /** The same in another thread; optional like {@link readAhead}. */
  writeElsewhere?(bytes: Uint8Array): Promise<void>;
  /** Reads one datagram, of which what exceeds `into` is lost; fails with EAGAIN rather than block. */
  read(into: Uint8Array): number;
  /**
   * Reads the datagrams that wait, at most {@link AHEAD_SLOTS}, in another thread; each is good until the call after the
   * next, and one of {@link AHEAD_SLOT_BYTES} was cut off. Rejects with EAGAIN when there is none. One call at a time.
   * Optional, because a scripted kernel need not have threads.
   */
  readAhead?(): Promise<readonly DataView[]>;
  /** Gives back the descriptor, after the end of a read that is under way in another thread. */
  close(): void;
}

/** The end of a netlink socket that multicast messages arrive at; reads as {@link Transport} does. */
export interface Receiver extends Pick<Transport, 'read' | 'close'> {
  /** Has the opener's `onReadable` called once more, soon if there is something already. */
  arm(): void;
}

/** Opens a non-blocking netlink socket of `protocol` (uapi/linux/netlink.h). Throws {@link ExporterError} by errno. */
export function openTransport(libc: Libc, protocol: number): Transport {
  return openSocket(libc, protocol, (descriptor) => {
    libc.setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_BYTES);
    libc.setsockopt(descriptor, SOL_NETLINK, NETLINK_CAP_ACK, 1);
    libc.setsockopt(descriptor, SOL_NETLINK, NETLINK_EXT_ACK, 1);
    const { read, close } = readable(descriptor);
    const elsewhere = otherThread(libc, descriptor);
    return {
      write: (bytes) => {
        fs.writeSync(descriptor, bytes);
      },
      writeElsewhere: elsewhere.write,
      read,
      readAhead: elsewhere.read,
      close: () => elsewhere.close(close),
    };
  });
}

/** Calls that a thread of libuv's pool makes, one at a time. */
function otherThread(libc: Libc, descriptor: number) {
  let batches: DatagramBatch[] = [];
  let underWay: Promise<unknown> | undefined;
  let closed = false;
  const call = async <T>(begin: () => Promise<T>): Promise<T> => {
    if (closed) throw new ExporterError('interrupted', 'the netlink socket was closed');
    const begun = begin();
    underWay = begun;
    try {
      return await begun;
    } finally {
      underWay = undefined;
    }
  };
  return {
    write: async (bytes: Uint8Array): Promise<void> => {
      await call(() => writeInPool(descriptor, bytes));
    },
    /** Into two batches in turn, made when first used: most machines have few sockets. */
    read: async (): Promise<readonly DataView[]> => {
      if (batches.length === 0) batches = [1, 2].map(() => libc.datagramBatch(AHEAD_SLOTS, AHEAD_SLOT_BYTES));
      const batch = batches.shift() as DatagramBatch;
      batches.push(batch);
      const received = await call(() => batch.receive(descriptor));
      return Array.from({ length: received }, (_, slot) => batch.at(slot));
    },
    /** Closing under a call would let it go on with whatever gets the same number next. */
    close: (close: () => void): void => {
      closed = true;
      if (underWay === undefined) close();
      else void underWay.then(close, close);
    },
  };
}

/**
 * Opens a non-blocking netlink socket of `protocol` in these multicast groups, numbered from 1. `onReadable` is called
 * once when something has arrived, and again after each `arm`. Throws {@link ExporterError} by errno.
 */
export function openReceiver(
  libc: Libc,
  protocol: number,
  groups: readonly number[],
  onReadable: () => void,
): Receiver {
  return openSocket(libc, protocol, (descriptor) => {
    growBuffer(libc, descriptor);
    for (const group of groups) libc.setsockopt(descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
    const watch = libc.watch(descriptor, onReadable);
    const { read, close } = readable(descriptor);
    return {
      read,
      arm: watch.arm,
      close: () => {
        watch.close();
        close();
      },
    };
  });
}

function openSocket<T>(libc: Libc, protocol: number, setUp: (descriptor: number) => T): T {
  const descriptor = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  try {
    libc.bind(descriptor, kernelAssignedAddress()); // multicast, too, only comes to a socket with an address
    return setUp(descriptor);
  } catch (error) {
    fs.closeSync(descriptor);
    throw error;
  }
}

function readable(descriptor: number): Pick<Transport, 'read' | 'close'> {
  return {
    read: (into) => fs.readSync(descriptor, into, 0, into.length, null),
    close: () => fs.closeSync(descriptor),
  };
}

/** Beyond net.core.rmem_max takes CAP_NET_ADMIN of the host, not just of a container. */
function growBuffer(libc: Libc, descriptor: number): void {
  try {
    libc.setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, EVENT_BUFFER_BYTES);
  } catch (caught) {
    if (asExporterError(caught).code !== 'permission_denied') throw caught;
    libc.setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, EVENT_BUFFER_BYTES);
  }
}

/** A `struct sockaddr_nl` with port 0, so that the kernel chooses, and no multicast groups. */
function kernelAssignedAddress(): Uint8Array {
  const address = new Uint8Array(12);
  new DataView(address.buffer).setUint16(0, AF_NETLINK, true);
  return address;
}
