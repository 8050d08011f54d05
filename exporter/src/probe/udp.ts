import { randomInt } from 'node:crypto';
import { isIP } from 'node:net';
import { openDatagramSocket } from '../linux/datagram-socket.ts';
import { decodeDatagram, encodeDatagram } from '../reflector/protocol/datagram.ts';
import { failed, type LatencyProbe } from './probe.ts';
import { failureOf } from './reasons.ts';
import { tokenOf } from './token.ts';

const HEADERS = { 4: 20 + 8, 6: 40 + 8 } as const;

/** The reply has the same number: nobody who has not seen the request can know it. */
const MOST_SEQUENCE = 2 ** 48 - 1;

/** One echo of our reflector over UDP. */
export const udp: LatencyProbe = {
  kind: 'latency',
  mostBytes: ({ payloadBytes }) => 2 * (payloadBytes + HEADERS[6]),
  run: async ({ settings, address, interfaceName, localAddress, signal, meter, libc }) => {
    const { payloadBytes, target } = settings;
    const headers = HEADERS[isIP(address) === 6 ? 6 : 4];
    try {
      const token = await tokenOf(settings);
      const remote = { address, port: target.port ?? 0 };
      const socket = openDatagramSocket(await libc(), { interfaceName, localAddress, remote });
      try {
        const sequence = randomInt(MOST_SEQUENCE);
        const request = encodeDatagram(
          token,
          { kind: 'request', sequence, unixSeconds: Date.now() / 1000 },
          payloadBytes,
        );
        const begun = performance.now();
        socket.send(request);
        meter.sent(request.length + headers);
        const reply = await socket.receive(signal);
        const rttSeconds = (performance.now() - begun) / 1000;
        meter.received(reply.length + headers);
        const decoded = decodeDatagram(token, reply);
        const fits = typeof decoded === 'object' && decoded.kind === 'reply' && decoded.sequence === sequence;
        if (fits && reply.length === request.length) return { ok: true, value: { rttSeconds } };
        return failed(
          'wrong_answer',
          `${target.text} answered ${reply.length} bytes that are not the echo of what was sent`,
        );
      } finally {
        socket.close();
      }
    } catch (caught) {
      return failureOf(caught);
    }
  },
};
