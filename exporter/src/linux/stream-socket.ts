import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import type { ExporterError } from '../errors.ts';
import type { SocketAddress } from '../mptcp/model.ts';
import { bindToInterface } from './bind-to-interface.ts';
import { errnoError } from './errno.ts';
import type { Libc } from './libc.ts';
import { encodeSocketAddress, familyOf } from './socket-bytes.ts';

const { ECANCELED, EINPROGRESS, ETIMEDOUT } = constants.errno;

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_IP = 0;
const IP_BIND_ADDRESS_NO_PORT = 24;
/** These numbers are the same on every Linux platform that Node.js runs on. */
const SOL_SOCKET = 1;
const SO_ERROR = 4;

/** IPPROTO_TCP and IPPROTO_MPTCP (uapi/linux/in.h). */
const PROTOCOLS = { tcp: 6, mptcp: 262 } as const;

/** Where a stream socket is to connect, and from where. */
export interface StreamTarget {
  readonly protocol: keyof typeof PROTOCOLS;
  /**
   * The only interface it uses (SO_BINDTODEVICE), whatever the routes say. Linux 5.7 and later let everybody do that, earlier
   * ones take CAP_NET_RAW. Link-local IPv6 addresses need it.
   */
  readonly interfaceName?: string | undefined;
  /** Source address; the kernel's choice when absent. */
  readonly localAddress?: string | undefined;
  readonly remote: SocketAddress;
}

/** How long a connect may take. */
export interface Patience {
  readonly timeoutSeconds: number;
  /** Ends the waiting early. */
  readonly signal?: AbortSignal | undefined;
}

/** A connect that has begun. Its descriptor is to be closed or handed on. */
export interface Connecting {
  readonly descriptor: number;
  /**
   * Resolves to 0 once connected, else to the errno it failed with; ETIMEDOUT and ECANCELED also when patience ended, which
   * leaves the connect going on until {@link Connecting.close}. To be called once.
   */
  settled(patience: Patience): Promise<number>;
  /** Gives back the descriptor; not while `settled` is under way. */
  close(): void;
}

/**
 * Opens a non-blocking stream socket and begins its connect; `prepare` may set options before that. Throws
 * {@link ExporterError}: `unreachable` when interface, source address or route are not there, others by errno.
 */
export function beginConnect(libc: Libc, target: StreamTarget, prepare?: (descriptor: number) => void): Connecting {
  const { protocol, localAddress, remote } = target;
  const address = encodeSocketAddress(remote);
  const local = localAddress === undefined ? undefined : encodeSocketAddress({ address: localAddress, port: 0 });
  const descriptor = libc.socket(familyOf(address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, PROTOCOLS[protocol]);
  try {
    if (target.interfaceName !== undefined) bindToInterface(libc, descriptor, target.interfaceName);
    // The port is then chosen for this peer alone, of which many are free; older kernels lack the option for MPTCP sockets.
    if (protocol === 'tcp') libc.setsockopt(descriptor, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    if (local !== undefined) libc.bind(descriptor, local, { doing: `send from ${localAddress}` });
    prepare?.(descriptor);
    const errno = libc.connect(descriptor, address);
    if (errno !== 0 && errno !== EINPROGRESS) throw connectError(errno, target);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return {
    descriptor,
    settled: async (patience) => {
      const ended = await writable(libc, descriptor, patience);
      return ended === 0 ? libc.getsockopt(descriptor, SOL_SOCKET, SO_ERROR) : ended;
    },
    close: () => closeSync(descriptor),
  };
}

/** A connected socket, and the descriptor that node:net has it on: the socket closes it, and it must not be used after that. */
export interface OpenStream {
  readonly socket: Socket;
  readonly descriptor: number;
}

/**
 * Connects and gives the connected socket as node:net's, paused until something listens for its data; `prepare` may set
 * options before. Throws {@link ExporterError}: `connection_refused`, `unreachable`, `timeout`, `interrupted` by the signal,
 * others by errno.
 */
export async function connectStream(
  libc: Libc,
  target: StreamTarget,
  patience: Patience,
  prepare?: (descriptor: number) => void,
): Promise<OpenStream> {
  // Node.js has no event for a descriptor that becomes connected, and would end it as broken if it failed to: wait here.
  const connecting = beginConnect(libc, target, prepare);
  try {
    const errno = await connecting.settled(patience);
    if (errno !== 0) throw connectError(errno, target);
    const { descriptor } = connecting;
    return { socket: new Socket({ fd: descriptor, readable: true, writable: true }), descriptor };
  } catch (error) {
    connecting.close();
    throw error;
  }
}

/** {@link connectStream} for those who need no descriptor. */
export async function openStream(libc: Libc, target: StreamTarget, patience: Patience): Promise<Socket> {
  return (await connectStream(libc, target, patience)).socket;
}

/** The error for a connect that ended with this errno. */
export function connectError(errno: number, { interfaceName, remote }: StreamTarget): ExporterError {
  const from = interfaceName === undefined ? '' : ` from ${interfaceName}`;
  return errnoError(errno, {
    doing: `connect to ${remote.address} port ${remote.port}${from}`,
    remedies: { permission_denied: 'A firewall of this machine or its sandbox forbids it: allow it there.' },
  });
}

/** Resolves to 0 when the socket can be written or has an error to fetch, else to the errno of what came first. */
function writable(libc: Libc, descriptor: number, { timeoutSeconds, signal }: Patience): Promise<number> {
  return new Promise((resolve) => {
    const end = (errno: number): void => {
      signal?.removeEventListener('abort', cancel);
      clearTimeout(timer);
      watch.close();
      resolve(errno);
    };
    const cancel = (): void => end(ECANCELED);
    const watch = libc.watch(descriptor, () => end(0), 'writable');
    const timer = setTimeout(end, timeoutSeconds * 1000, ETIMEDOUT);
    signal?.addEventListener('abort', cancel);
    if (signal?.aborted === true) cancel();
  });
}
