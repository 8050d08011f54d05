import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatListenAddress, type ListenAddress } from '../config/listen-address.ts';
import { oneLine } from '../config/words.ts';
import { asExporterError, ExporterError } from '../errors.ts';
import type { TlsConfig, WebConfig } from './web-config.ts';

/** Servers that listen. */
export interface RunningServers {
  /** Where, in the order asked for, with the ports that the kernel chose. */
  readonly addresses: readonly ListenAddress[];
  /**
   * Accepts no more, ends idle connections at once, lets open requests finish for at most `graceMs` and ends what is left.
   * Never throws; a second call waits for the first.
   */
  close(graceMs: number): Promise<void>;
}

/** What {@link listen} needs besides an application and addresses. */
export interface ListenOptions {
  readonly tls?: TlsConfig;
  /** Hears of what goes wrong with a listening socket later on, such as no descriptors left to accept with. */
  report(error: ExporterError): void;
}

/** Most connections per address: scrapers are few. */
const MAXIMUM_CONNECTIONS = 512;

const OPTIONS: ServerOptions = {
  headersTimeout: 5000,
  requestTimeout: 10_000,
  // Longer than usual scrape intervals, so that a scraper's connection is not closed under its next request.
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 2000,
};

/** Longest that a connection with a request on it may stand still. */
const SOCKET_TIMEOUT_MS = 30_000;

/**
 * Listens on every address, with TLS if given. Throws ExporterError `address_in_use`, `permission_denied` or `invalid_flag` with
 * the address and a remedy when one of them cannot be had; nothing is left listening then.
 */
export async function listen(
  app: RequestListener,
  addresses: readonly ListenAddress[],
  options: ListenOptions,
): Promise<RunningServers> {
  const servers: OneServer[] = [];
  const closeAll = async (graceMs: number) => {
    await Promise.all(servers.map((server) => server.close(graceMs)));
  };
  try {
    for (const address of addresses) servers.push(await listenOn(app, address, options));
  } catch (caught) {
    await closeAll(0);
    throw caught;
  }
  let closing: Promise<void> | undefined;
  return {
    addresses: servers.map(({ address }) => address),
    close: (graceMs) => {
      closing ??= closeAll(graceMs);
      return closing;
    },
  };
}

/** One line per address that others can reach without TLS or a password; none on loopback. */
export function warnings(addresses: readonly ListenAddress[], webConfig?: WebConfig): readonly string[] {
  const missing = [
    ...(webConfig?.tls === undefined ? ['TLS'] : []),
    ...(webConfig === undefined || webConfig.users.size === 0 ? ['authentication'] : []),
  ];
  if (missing.length === 0) return [];
  return addresses
    .filter(({ host }) => !isLoopback(host))
    .map((address) => {
      const where = address.host === '' ? `every interface, port ${address.port},` : formatListenAddress(address);
      const risk = missing.includes('authentication')
        ? 'anyone who can reach it sees your addresses and traffic'
        : 'passwords travel readable';
      return `listening on ${where} without ${missing.join(' and ')}: ${risk}. Set --web.config.file, or listen on 127.0.0.1`;
    });
}

interface OneServer {
  readonly address: ListenAddress;
  close(graceMs: number): Promise<void>;
}

async function listenOn(
  app: RequestListener,
  address: ListenAddress,
  { tls, report }: ListenOptions,
): Promise<OneServer> {
  const server: Server = tls === undefined ? createServer(OPTIONS) : createTlsServer({ ...OPTIONS, ...tls });
  server.maxConnections = MAXIMUM_CONNECTIONS;
  server.timeout = SOCKET_TIMEOUT_MS;
  const close = drainable(server, tls === undefined ? 'connection' : 'secureConnection');
  server.on('request', app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (caught) => reject(listenError(address, caught)));
    server.listen(address.host === '' ? { port: address.port } : address, resolve);
  });
  server.removeAllListeners('error').on('error', (caught) => report(asExporterError(caught)));
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  return { address: { host: address.host, port }, close };
}

/**
 * Follows a server's connections, so that it can be closed without waiting for those that ask nothing. `ready` is the event
 * by which a connection can carry requests: under TLS that is another socket than the one accepted.
 */
function drainable(server: Server, ready: 'connection' | 'secureConnection'): OneServer['close'] {
  const accepted = new Set<Socket>();
  const openRequests = new Map<Socket, number>();
  let closing = false;

  server.on('connection', (socket: Socket) => {
    accepted.add(socket);
    socket.once('close', () => accepted.delete(socket));
  });
  server.on(ready, (socket: Socket) => {
    if (closing) {
      socket.destroy();
      return;
    }
    openRequests.set(socket, 0);
    socket.once('close', () => openRequests.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    openRequests.set(socket, (openRequests.get(socket) ?? 0) + 1);
    if (closing) response.setHeader('Connection', 'close');
    response.once('close', () => {
      const open = (openRequests.get(socket) ?? 1) - 1;
      if (!socket.destroyed) openRequests.set(socket, open);
      if (closing && open === 0) socket.end();
    });
  });

  return async (graceMs) => {
    closing = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const [socket, open] of openRequests) if (open === 0) socket.destroy();
    const abandon = new AbortController();
    await Promise.race([closed, sleep(graceMs, undefined, { signal: abandon.signal }).catch(() => undefined)]);
    abandon.abort();
    for (const socket of accepted) socket.destroy();
    await closed;
  };
}

function listenError(address: ListenAddress, caught: NodeJS.ErrnoException): ExporterError {
  const where = formatListenAddress(address);
  const fail = (code: 'address_in_use' | 'permission_denied' | 'invalid_flag', words: string, remedy: string) => {
    return new ExporterError(code, oneLine(`${where} ${words}`), { remedy, cause: caught });
  };
  switch (caught.code) {
    case 'EADDRINUSE':
      return fail('address_in_use', 'is taken', 'Stop the other program or choose another with --web.listen-address');
    case 'EACCES':
    case 'EPERM':
      return fail(
        'permission_denied',
        'may not be listened on by this user',
        'Choose a port from 1024 on with --web.listen-address, or grant CAP_NET_BIND_SERVICE',
      );
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return fail(
        'invalid_flag',
        'is not an address of this machine',
        'Choose one of its own with --web.listen-address',
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return fail(
        'invalid_flag',
        'is a name that does not resolve',
        'Give --web.listen-address an address of this machine',
      );
    default:
      return asExporterError(caught);
  }
}

/** 127.0.0.0/8, ::1 and localhost (RFC 6761); any other name may lead anywhere. */
export function isLoopback(host: string): boolean {
  return isIP(host) === 4 ? host.startsWith('127.') : host === '::1' || host.toLowerCase() === 'localhost';
}
