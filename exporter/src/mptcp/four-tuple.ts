import type { SocketAddress } from './model.ts';

/** Both ends of a TCP socket as one string, to look it up by; it names one socket at a time, not over time. */
export function fourTuple(local: SocketAddress, remote: SocketAddress): string {
  return `${local.address}:${local.port}>${remote.address}:${remote.port}`;
}

/** Whether these are the same ends; cheaper than making two strings of them. */
export function isSameAddress(one: SocketAddress, other: SocketAddress): boolean {
  return one.port === other.port && one.address === other.address;
}
