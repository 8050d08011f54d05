import { constants } from 'node:os';
import type { SocketAddress } from '../mptcp/model.ts';
import { canonicalAddress } from './address.ts';
import type { Libc } from './libc.ts';
import { decodeIcmpError, encodeSocketAddress, familyOf, KEEP_ICMP } from './socket-bytes.ts';
import { beginConnect, connectError, type StreamTarget } from './stream-socket.ts';

const { ECANCELED, ECONNREFUSED, ECONNRESET, ETIMEDOUT } = constants.errno;
const ANSWERED: ReadonlySet<number> = new Set([0, ECONNREFUSED, ECONNRESET]);
const UNANSWERED: ReadonlySet<number> = new Set([ETIMEDOUT, ECANCELED]);

const SOL_SOCKET = 1;
const SO_LINGER = 13;
const SOL_TCP = 6;
const TCP_QUICKACK = 12;

/** ICMP codes of "destination unreachable" (RFC 792, RFC 4443 section 3.1) by which the way ends before the peer. */
const NO_WAY = { 4: { type: 3, codes: [0, 1] }, 6: { type: 1, codes: [0, 3] } } as const;

/** A connect that tells whether a peer can be reached over one interface. */
export interface ConnectCheck {
  readonly interfaceName: string;
  readonly localAddress: string;
  readonly peer: SocketAddress;
  readonly timeoutSeconds: number;
}

/**
 * One TCP connect, ended by a reset as soon as it is answered: as a rule before the handshake is complete, so that the
 * peer's program does not see it. Resolves to true when the peer answered (SYN-ACK, RST, or an ICMP refusal of its own), to
 * false when nothing came in time, the signal ended it, or nobody on the way knew where the peer is. Rejects with an
 * ExporterError when it could not be made: `unreachable`, `permission_denied`, others by errno. Leaves nothing behind.
 */
export async function connectCheck(libc: Libc, check: ConnectCheck, signal?: AbortSignal): Promise<boolean> {
  const { interfaceName, localAddress, peer, timeoutSeconds } = check;
  const target: StreamTarget = { protocol: 'tcp', interfaceName, localAddress, remote: peer };
  const keepIcmp = KEEP_ICMP[familyOf(encodeSocketAddress(peer))];
  const connecting = beginConnect(libc, target, (descriptor) => {
    libc.setsockopt(descriptor, SOL_SOCKET, SO_LINGER, new Uint8Array(Int32Array.of(1, 0).buffer)); // close resets
    libc.setsockopt(descriptor, SOL_TCP, TCP_QUICKACK, 0); // the answer is acknowledged 40 ms later, so not at all
    libc.setsockopt(descriptor, keepIcmp.level, keepIcmp.option, 1);
  });
  try {
    const errno = await connecting.settled({ timeoutSeconds, signal });
    if (ANSWERED.has(errno)) return true;
    if (UNANSWERED.has(errno)) return false;
    const told = meaning(libc.takeQueuedError(connecting.descriptor), peer);
    if (told === undefined) throw connectError(errno, target);
    return told;
  } finally {
    connecting.close();
  }
}

/** What an ICMP message says about the peer: it has answered, it was not found, or nothing. */
function meaning(control: Uint8Array | undefined, peer: SocketAddress): boolean | undefined {
  const icmp = control && decodeIcmpError(control);
  if (icmp === undefined) return undefined;
  const { type, codes } = NO_WAY[icmp.version];
  // A neighbour that does not answer for its address is reported so, too, by this machine to itself.
  if (icmp.type === type && (codes as readonly number[]).includes(icmp.code)) return false;
  return icmp.from === canonicalAddress(peer.address) ? true : undefined;
}
