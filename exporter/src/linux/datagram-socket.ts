import { closeSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import type { SocketAddress } from '../mptcp/model.ts';
import { bindToInterface } from './bind-to-interface.ts';
import { errnoError, errnoOf } from './errno.ts';
import type { Libc } from './libc.ts';
import { encodeSocketAddress, familyOf } from './socket-bytes.ts';
import type { StreamTarget } from './stream-socket.ts';

const { EAGAIN, ECANCELED } = constants.errno;

const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

/** Larger than any datagram that is asked for. */
const MAX_BYTES = 65_536;

/** A UDP socket that talks to one peer over one interface. Its descriptor is to be closed. */
export interface DatagramSocket {
  /** Sends one datagram. Throws by errno. */
  send(bytes: Uint8Array): void;
  /**
   * Resolves to the next datagram of the peer. Rejects with `connection_refused` when nothing listens there, `unreachable`,
   * `interrupted` by the signal, others by errno. One call at a time.
   */
  receive(signal: AbortSignal): Promise<Buffer>;
  /** Gives back the descriptor; not while `receive` is under way. */
  close(): void;
}

/** Opens a connected UDP socket. Throws {@link ExporterError}: `unreachable` when interface, source or route are not there. */
export function openDatagramSocket(libc: Libc, target: Omit<StreamTarget, 'protocol'>): DatagramSocket {
  const { interfaceName, localAddress, remote } = target;
  const address = encodeSocketAddress(remote);
  const local = localAddress === undefined ? undefined : encodeSocketAddress({ address: localAddress, port: 0 });
  const doing = `exchange datagrams with ${textOf(remote)}`;
  const descriptor = libc.socket(familyOf(address), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  try {
    if (interfaceName !== undefined) bindToInterface(libc, descriptor, interfaceName);
    if (local !== undefined) libc.bind(descriptor, local, { doing: `send from ${localAddress}` });
    const errno = libc.connect(descriptor, address);
    if (errno !== 0) throw errnoError(errno, { doing });
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  const buffer = Buffer.alloc(MAX_BYTES);
  const take = (): Buffer | undefined => {
    try {
      return Buffer.from(buffer.subarray(0, readSync(descriptor, buffer)));
    } catch (caught) {
      const errno = errnoOf(caught);
      if (errno === EAGAIN) return undefined;
      throw errno === undefined ? caught : errnoError(errno, { doing });
    }
  };
  return {
    send: (bytes) => {
      try {
        writeSync(descriptor, bytes);
      } catch (caught) {
        const errno = errnoOf(caught);
        throw errno === undefined ? caught : errnoError(errno, { doing });
      }
    },
    receive: (signal) => {
      return new Promise((resolve, reject) => {
        const end = (): void => {
          signal.removeEventListener('abort', cancel);
          watch.close();
        };
        const cancel = (): void => {
          end();
          reject(errnoError(ECANCELED, { doing }));
        };
        const look = (): void => {
          try {
            const datagram = take();
            if (datagram === undefined) {
              watch.arm();
              return;
            }
            end();
            resolve(datagram);
          } catch (error) {
            end();
            reject(error);
          }
        };
        const watch = libc.watch(descriptor, look);
        signal.addEventListener('abort', cancel);
        if (signal.aborted) cancel();
      });
    },
    close: () => closeSync(descriptor),
  };
}

function textOf({ address, port }: SocketAddress): string {
  return `${address} port ${port}`;
}
