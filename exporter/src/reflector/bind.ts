import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { ListenAddress } from '../config/listen-address.ts';
import { formatListenAddress } from '../config/listen-address.ts';
import { asExporterError, ExporterError } from '../errors.ts';
import type { Libc } from '../linux/libc.ts';
import { bindListener } from '../linux/stream-listener.ts';
import type { SocketAddress } from '../mptcp/model.ts';
import { UNSENT_BYTES } from './limits.ts';

const FLAG = '--reflector.listen-address';

/** Where a server has come to listen. */
export interface Bound {
  readonly address: SocketAddress;
  /** Whether `::` takes IPv4 too. */
  readonly dualStack: boolean;
  /** Why it is not MPTCP, where it is not. */
  readonly withoutMptcp?: ExporterError;
}

/**
 * Has a server listen over MPTCP, which serves plain TCP too; over TCP alone where the kernel does not give MPTCP. Throws
 * `address_in_use`, `permission_denied` or `invalid_flag` with the address and a remedy.
 */
export async function listenOverMptcp(server: Server, asked: ListenAddress, libc: () => Promise<Libc>): Promise<Bound> {
  for (const [index, address] of (await addressesOf(asked)).entries()) {
    const dualStack = asked.host === '' && address.address === '::';
    try {
      return await listenOn(server, { address, dualStack }, libc);
    } catch (caught) {
      const next = asked.host === '' && index === 0; // a machine without IPv6
      if (!next) throw listenError(asked, caught);
    }
  }
  throw listenError(asked, new Error('no address'));
}

async function listenOn(
  server: Server,
  { address, dualStack }: Omit<Bound, 'withoutMptcp'>,
  libc: () => Promise<Libc>,
): Promise<Bound> {
  let withoutMptcp: ExporterError | undefined;
  for (const protocol of ['mptcp', 'tcp'] as const) {
    try {
      const fd = bindListener(await libc(), address, { protocol, dualStack, unsentBytes: UNSENT_BYTES });
      server.listen({ fd });
      await once(server, 'listening');
      break;
    } catch (caught) {
      const error = asExporterError(caught);
      const unable = error.code === 'not_supported' || error.code === 'ffi_unavailable';
      if (protocol === 'tcp' || !unable) throw error;
      withoutMptcp = error;
      if (error.code !== 'ffi_unavailable') continue;
      server.listen({ port: address.port, host: address.address, ipv6Only: !dualStack });
      await once(server, 'listening');
      break;
    }
  }
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  return { address: { ...address, port }, dualStack, ...(withoutMptcp !== undefined && { withoutMptcp }) };
}

/** What to try in turn: for every interface IPv6 with IPv4 in it, then IPv4 alone. */
async function addressesOf({ host, port }: ListenAddress): Promise<readonly SocketAddress[]> {
  if (host === '') return ['::', '0.0.0.0'].map((address) => ({ address, port }));
  const { address } = await lookup(host).catch(() => {
    const remedy = `Give ${FLAG} an address of this machine`;
    throw new ExporterError('invalid_flag', `${host} is a name that does not resolve`, { remedy });
  });
  return [{ address, port }];
}

/** The error for an address that cannot be listened on, in the words of the flag. */
export function listenError(asked: ListenAddress, caught: unknown): ExporterError {
  const where = formatListenAddress(asked);
  const { code } = caught as { readonly code?: string };
  switch (code) {
    case 'address_in_use':
    case 'EADDRINUSE':
      return new ExporterError('address_in_use', `${where} is taken`, {
        remedy: `Stop the other program or choose another with ${FLAG}`,
        cause: caught,
      });
    case 'permission_denied':
    case 'EACCES':
    case 'EPERM':
      return new ExporterError('permission_denied', `${where} may not be listened on by this user`, {
        remedy: `Choose a port from 1024 on with ${FLAG}`,
        cause: caught,
      });
    case 'unreachable':
    case 'EADDRNOTAVAIL':
      return new ExporterError('invalid_flag', `${where} is not an address of this machine`, {
        remedy: `Choose one of its own with ${FLAG}`,
        cause: caught,
      });
    default:
      return asExporterError(caught);
  }
}
