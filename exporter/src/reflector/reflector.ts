import type { Socket as DatagramSocket } from 'node:dgram';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { ListenAddress } from '../config/listen-address.ts';
import type { ExporterError } from '../errors.ts';
import type { Libc } from '../linux/libc.ts';
import { createReflectorApp } from './app.ts';
import { listenError, listenOverMptcp } from './bind.ts';
import { echoOverTcp, refusalText } from './echo-tcp.ts';
import { startUdpEcho } from './echo-udp.ts';
import { Gate } from './gate.ts';
import { IDLE_SECONDS, type ReflectorLimits } from './limits.ts';
import { ReflectorTally } from './tally.ts';

/** What a reflector is made of. */
export interface ReflectorOptions {
  readonly addresses: readonly ListenAddress[];
  /** Without one everybody is served: for loopback only. */
  readonly token: string | undefined;
  readonly limits: ReflectorLimits;
  readonly libc: () => Promise<Libc>;
  /** Hears of what goes wrong later on: a socket's failure, a bug. */
  report(error: unknown): void;
}

/** An address that is listened on, over TCP and UDP. */
export interface ReflectorAddress extends ListenAddress {
  /** Why it is without MPTCP, where it is. */
  readonly withoutMptcp?: ExporterError;
}

/** How long a connection that was turned away may take to hear why, in milliseconds. */
const TURNED_AWAY_MS = 1000;

/** The far end of probes: echo over UDP and TCP, download and upload over HTTP; TCP is MPTCP where the client wants it. */
export class Reflector {
  readonly tally = new ReflectorTally();
  readonly #connections = new Set<Socket>();
  readonly #turnedAway = new WeakSet<Socket>();
  readonly #servers: Server[] = [];
  readonly #datagrams: DatagramSocket[] = [];
  #addresses: readonly ReflectorAddress[] = [];

  /** Listens on every address; throws an ExporterError, and listens nowhere, when one of them cannot be had. */
  static async start(options: ReflectorOptions): Promise<Reflector> {
    const reflector = new Reflector();
    try {
      await reflector.#listen(options);
      return reflector;
    } catch (caught) {
      await reflector.close();
      throw caught;
    }
  }

  private constructor() {}

  /** Where it listens, with the ports that the kernel chose. */
  get addresses(): readonly ReflectorAddress[] {
    return this.#addresses;
  }

  /** Open TCP and MPTCP connections. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Ends everything at once. */
  async close(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const socket of this.#datagrams) socket.close();
    for (const connection of this.#connections) connection.destroy();
    await Promise.all(closed);
  }

  async #listen({ addresses, token, limits, libc, report }: ReflectorOptions): Promise<void> {
    const gate = new Gate(token, limits.requestsPerSecond);
    const app = createReflectorApp({ gate, limits, tally: this.tally, report });
    const bound: ReflectorAddress[] = [];
    for (const asked of addresses) {
      const server = createServer(serverOptions(limits), (request, response) => {
        if (this.#turnedAway.has(request.socket)) request.socket.destroy();
        else app(request, response);
      });
      this.#servers.push(server);
      server.timeout = IDLE_SECONDS.transfer * 1000;
      server.on('connection', (socket: Socket) => this.#admit(socket, limits));
      server.on('upgrade', (request, socket, head) => {
        request.socket.setTimeout(0);
        if (this.#turnedAway.has(request.socket)) socket.destroy();
        else echoOverTcp(request, socket, head, { gate, tally: this.tally });
      });
      const { address, dualStack, withoutMptcp } = await listenOverMptcp(server, asked, libc);
      server.on('error', report);
      const { echoesPerSecond } = limits;
      const echo = { address, dualStack, token: token ?? '', echoesPerSecond, tally: this.tally, report };
      this.#datagrams.push(
        await startUdpEcho(echo).catch((caught) => {
          throw listenError({ ...asked, port: address.port }, caught);
        }),
      );
      bound.push({ host: asked.host, port: address.port, ...(withoutMptcp !== undefined && { withoutMptcp }) });
    }
    this.#addresses = bound;
  }

  #admit(socket: Socket, { connections }: ReflectorLimits): void {
    socket.on('error', () => undefined); // `close` follows
    if (this.#connections.size >= 2 * connections) {
      socket.destroy(); // too many to tell each
      return;
    }
    this.#connections.add(socket);
    socket.once('close', () => this.#connections.delete(socket));
    if (this.#connections.size <= connections) return;
    this.tally.refusedConnections += 1;
    this.#turnedAway.add(socket);
    const message = `more than the ${connections} connections that this reflector has at once`;
    socket.end(refusalText({ reason: 'too_many_connections', message }));
    setTimeout(() => socket.destroy(), TURNED_AWAY_MS).unref();
  }
}

function serverOptions({ transferSeconds }: ReflectorLimits) {
  return {
    noDelay: true,
    headersTimeout: 5000,
    requestTimeout: (transferSeconds + 15) * 1000,
    keepAliveTimeout: 5000,
    connectionsCheckingInterval: 2000,
    maxHeaderSize: 8192,
  };
}
