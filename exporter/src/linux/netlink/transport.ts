import fs from 'node:fs';
import type { Libc } from '../libc.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;

/** Asked for; the kernel grants at most net.core.rmem_max. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** The end of a netlink socket that moves bytes; tests put a scripted kernel in its place. Errors carry `errno` as node:fs's do. */
export interface Transport {
  /** Sends one request to the kernel. */
  write(bytes: Uint8Array): void;
  /** Reads one datagram, of which what exceeds `into` is lost; fails with EAGAIN rather than block. */
  read(into: Uint8Array): number;
  /** Gives back the descriptor. */
  close(): void;
}

/** Opens a non-blocking netlink socket of `protocol` (uapi/linux/netlink.h). Throws {@link ExporterError} by errno. */
export function openTransport(libc: Libc, protocol: number): Transport {
  const descriptor = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  try {
    libc.bind(descriptor, kernelAssignedAddress());
    libc.setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_BYTES);
    libc.setsockopt(descriptor, SOL_NETLINK, NETLINK_CAP_ACK, 1);
    libc.setsockopt(descriptor, SOL_NETLINK, NETLINK_EXT_ACK, 1);
  } catch (error) {
    fs.closeSync(descriptor);
    throw error;
  }
  return {
    write: (bytes) => {
      fs.writeSync(descriptor, bytes);
    },
    read: (into) => fs.readSync(descriptor, into, 0, into.length, null),
    close: () => fs.closeSync(descriptor),
  };
}

/** A `struct sockaddr_nl` with port 0, so that the kernel chooses, and no multicast groups. */
function kernelAssignedAddress(): Uint8Array {
  const address = new Uint8Array(12);
  new DataView(address.buffer).setUint16(0, AF_NETLINK, true);
  return address;
}
