import type { Lab } from '../lab.ts';
import { Agent } from './agent.ts';
import type { ConnectionCount, Progress, Settings, Sizes } from './protocol.ts';

/** What to move between client and server. */
export interface TrafficOptions {
  /**
   * Per connection and direction, `'unlimited'` to send until `finish()`. With 0 there are no joins either: the kernel makes
   * them once the first data was acknowledged, so 1 and `hold` make an idle connection over all links.
   */
  readonly bytes: number | Sizes | 'unlimited';
  /** `up` is client to server; default up. */
  readonly direction?: 'up' | 'down' | 'both';
  /** Opened together, or so many `atATime`, a new one whenever one has closed; default 1. */
  readonly connections?: number;
  readonly atATime?: number;
  /** Of the client's connections; default 4. */
  readonly family?: 4 | 6;
  /** The server listens on [::] for both families; default only on `family`. */
  readonly dualStackListener?: boolean;
  /** Connect to the server's address on this link; default the first. */
  readonly link?: string;
  /** Connect from the client's address on this link; default as routing decides. */
  readonly from?: string;
  /** Default mptcp at both ends; an MPTCP end and a TCP end make a fallback. */
  readonly client?: 'mptcp' | 'tcp';
  readonly server?: 'mptcp' | 'tcp';
  /** Payload per connection and direction; default as fast as it goes. */
  readonly rateMbit?: number;
  /** Who closes first, gracefully; default the client. */
  readonly closer?: 'client' | 'server';
  /** Keep each connection open after its bytes, until `finish()`; default false: it closes as soon as they are through. */
  readonly hold?: boolean;
  /** Most time that opening, moving and closing may each take; default 30 s. */
  readonly timeoutMs?: number;
}

/** What one end's application counted: payload handed to and received from the kernel. */
export interface EndCount {
  readonly sent: number;
  readonly received: number;
  readonly connections: readonly ConnectionCount[];
}

/** What both applications counted. */
export interface TransferResult {
  readonly client: EndCount;
  readonly server: EndCount;
  /** From the first connection's opening to the last byte's arrival. */
  readonly seconds: number;
  /** Received payload over that time. */
  readonly mbit: number;
}

/** Traffic under way: all connections are or were open. */
export interface Traffic {
  /** `address:port` that the client connected to. */
  readonly target: { readonly address: string; readonly port: number };
  /** What both ends have counted so far. */
  progress(): Promise<{ readonly client: Progress; readonly server: Progress }>;
  /** Waits until all bytes have arrived (`'unlimited'`: stops sending first), has the connections closed and gives the counts. */
  finish(): Promise<TransferResult>;
  /**
   * Ends every connection abruptly from the `closer`'s side: with a reset (SO_LINGER 0), with received data unread, which
   * MPTCP does by fastclose, or by SIGKILL, which loses that end's counts. What was under way is lost.
   */
  abort(how?: 'reset' | 'abandon' | 'kill'): Promise<{ readonly client: EndCount; readonly server: EndCount }>;
}

/** Starts both programs and resolves once all connections are open; throws when they cannot be. */
export async function startTraffic(lab: Lab, options: TrafficOptions): Promise<Traffic> {
  const {
    family = 4,
    direction = 'up',
    connections = 1,
    closer = 'client',
    hold = false,
    timeoutMs = 30_000,
  } = options;
  const link = options.link ?? lab.links[0]?.plan.name ?? '';
  const address = lab.server.address(link, family);
  const from = options.from === undefined ? undefined : lab.client.address(options.from, family);
  const bytes = options.bytes === 'unlimited' ? undefined : options.bytes;
  const sends = { client: direction !== 'down', server: direction !== 'up' };
  const settings = (role: 'client' | 'server'): Omit<Settings, 'host'> => ({
    ipv6Only: options.dualStackListener !== true,
    connections,
    ...(options.atATime === undefined ? {} : { atATime: options.atATime }),
    sends: sends[role],
    receives: sends[role === 'client' ? 'server' : 'client'],
    ...(bytes === undefined ? {} : { bytes }),
    ...(options.rateMbit === undefined ? {} : { bytesPerSecond: (options.rateMbit * 1e6) / 8 }),
    closesWhenDone: closer === role && !hold && bytes !== undefined,
  });
  const [client, server] = [
    new Agent(lab.client, options.client ?? 'mptcp', timeoutMs),
    new Agent(lab.server, options.server ?? 'mptcp', timeoutMs),
  ];
  const agents = { client, server };
  const whileAlive = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      await Promise.all([client.kill(), server.kill()]);
      throw error;
    }
  };
  const port = await whileAlive(async () => {
    server.tell({ ...settings('server'), host: options.dualStackListener === true || family === 6 ? '::' : '0.0.0.0' });
    const listening = await server.next('listening');
    const connect = { port: listening.port, ...(from === undefined ? {} : { from }) };
    client.tell({ ...settings('client'), host: address, connect });
    await Promise.all([client.next('opened'), server.next('opened')]);
    return listening.port;
  });

  const settle = async (): Promise<number> => {
    if (bytes !== undefined) {
      const moved = await Promise.all([client.next('moved'), server.next('moved')]);
      return Math.max(...moved.map(({ seconds }) => seconds));
    }
    for (const agent of [client, server]) agent.tell({ command: 'stop' });
    const [up, down] = await Promise.all([client.next('stopped'), server.next('stopped')]);
    server.tell({ command: 'expect', received: up.sent });
    client.tell({ command: 'expect', received: down.sent });
    const arrived = await Promise.all([server.next('arrived'), client.next('arrived')]);
    return Math.max(...arrived.map(({ seconds }) => seconds));
  };

  return {
    target: { address, port },
    progress: async () => {
      const [atClient, atServer] = await Promise.all([client.progress(), server.progress()]);
      return { client: atClient, server: atServer };
    },
    finish: () =>
      whileAlive(async () => {
        const seconds = await settle();
        if (hold || bytes === undefined) agents[closer].tell({ command: 'close' });
        await Promise.all([client.next('ended'), server.next('ended')]);
        const errors = [...client.errors, ...server.errors];
        if (errors.length > 0) throw new Error(`connections failed: ${errors.join('; ')}`);
        const counts = { client: count(client), server: count(server) };
        const received = counts.client.received + counts.server.received;
        return { ...counts, seconds, mbit: (received * 8) / seconds / 1e6 };
      }),
    abort: (how = 'reset') =>
      whileAlive(async () => {
        if (how === 'kill') await agents[closer].kill();
        else agents[closer].tell({ command: how });
        const ending = [client, server].filter((agent) => how !== 'kill' || agent !== agents[closer]);
        await Promise.all(ending.map((agent) => agent.next('ended')));
        return { client: count(client), server: count(server) };
      }),
  };
}

function count({ connections }: Agent): EndCount {
  const sum = (of: (connection: ConnectionCount) => number) =>
    connections.reduce((total, connection) => total + of(connection), 0);
  return { sent: sum(({ sent }) => sent), received: sum(({ received }) => received), connections };
}
