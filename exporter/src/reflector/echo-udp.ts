import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { SocketAddress } from '../mptcp/model.ts';
import { RateLimit } from './pace.ts';
import { replyTo } from './protocol/datagram.ts';
import type { ReflectorTally } from './tally.ts';

/** What an echo over UDP needs. */
export interface UdpEchoOptions {
  readonly address: SocketAddress;
  /** Whether `::` takes IPv4 too. */
  readonly dualStack: boolean;
  /** Empty: everybody is answered. */
  readonly token: string;
  readonly echoesPerSecond: number;
  readonly tally: ReflectorTally;
  /** Hears of what goes wrong with the socket later on. */
  report(error: unknown): void;
}

/**
 * Answers echo datagrams, each by one as long, to who has the token alone: with a false sender nobody can make it send more
 * than they sent themselves. Rejects with node:dgram's error when the address cannot be had.
 */
export async function startUdpEcho(options: UdpEchoOptions): Promise<Socket> {
  const { address, token, tally } = options;
  const v6 = isIPv6(address.address);
  const socket = createSocket({ type: v6 ? 'udp6' : 'udp4', ipv6Only: v6 && !options.dualStack });
  const rate = new RateLimit(options.echoesPerSecond);
  socket.on('message', (bytes, from) => {
    if (!rate.pass(performance.now() / 1000)) {
      tally.count('echo_udp', 'limited');
      return;
    }
    const reply = replyTo(token, bytes, Date.now() / 1000);
    if (typeof reply === 'string') {
      tally.count('echo_udp', reply);
      return;
    }
    tally.received('echo_udp', bytes.length);
    socket.send(reply, from.port, from.address, (error) => {
      tally.count('echo_udp', error === null ? 'done' : 'incomplete');
      if (error === null) tally.sent('echo_udp', reply.length);
    });
  });
  socket.bind(address.port, address.address);
  await once(socket, 'listening');
  socket.on('error', options.report);
  return socket;
}
