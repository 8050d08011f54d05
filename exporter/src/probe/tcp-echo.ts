import { randomBytes } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import { ownTraffic } from '../linux/own-traffic.ts';
import { connectStream } from '../linux/stream-socket.ts';
import { authorize } from '../reflector/protocol/authorization.ts';
import { ECHO_UPGRADE, ROUTES } from '../reflector/protocol/routes.ts';
import { ByteReader } from './byte-reader.ts';
import { failed, type LatencyProbe, type ProbeFailure } from './probe.ts';
import { failureOf } from './reasons.ts';
import { tokenOf } from './token.ts';

/** Longest head of an answer. */
const HEAD_BYTES = 4096;

/** Handshake, request, answer and their acknowledgements, generously; payload and echo come on top, with a header each. */
const OVERHEAD_BYTES = 3000;

/** What is sent when the connection is closed, and what comes then. */
const CLOSE_BYTES = { sent: 2 * 52, received: 2 * 52 } as const;

/** One echo of our reflector over a TCP connection of its own; the handshake is not part of its time. */
export const tcpEcho: LatencyProbe = {
  kind: 'latency',
  mostBytes: ({ payloadBytes }) => 2 * payloadBytes + OVERHEAD_BYTES,
  run: async ({ settings, address, interfaceName, localAddress, timeoutSeconds, signal, meter, libc }) => {
    const { target, payloadBytes } = settings;
    const remote = { address, port: target.port ?? 0 };
    const system = await libc().catch((error: unknown) => error as Error);
    if (system instanceof Error) return failureOf(system);
    try {
      const token = await tokenOf(settings);
      const patience = { timeoutSeconds, signal };
      const { socket, descriptor } = await connectStream(
        system,
        { protocol: 'tcp', interfaceName, localAddress, remote },
        patience,
      );
      const reader = new ByteReader(socket, signal);
      try {
        socket.setNoDelay(true);
        socket.write(requestOf(target.host, remote.port, token));
        const refusal = refusalOf(await reader.line(HEAD_BYTES), target.text);
        if (refusal !== undefined) return refusal;
        while ((await reader.line(HEAD_BYTES)) !== '');
        const payload = randomBytes(payloadBytes);
        const begun = performance.now();
        socket.write(payload);
        const echo = await reader.bytes(payloadBytes);
        const rttSeconds = (performance.now() - begun) / 1000;
        if (echo.equals(payload)) return { ok: true, value: { rttSeconds } };
        return failed('wrong_answer', `${target.text} sent back other bytes than it was sent`);
      } finally {
        count(socket, () => {
          for (const { sentBytes, receivedBytes } of ownTraffic(system, descriptor, {
            address: localAddress ?? address,
            port: 0,
          })) {
            meter.sent(sentBytes + CLOSE_BYTES.sent);
            meter.received(receivedBytes + CLOSE_BYTES.received);
          }
        });
        socket.destroy();
      }
    } catch (caught) {
      return failureOf(caught);
    }
  },
};

/** The descriptor may be looked at only while the socket has it. */
function count(socket: Socket, look: () => void): void {
  if (!socket.destroyed) look();
}

function requestOf(host: string, port: number, token: string): string {
  const name = isIP(host) === 6 ? `[${host}]` : host;
  const authorization = authorize(token, { method: 'GET', target: ROUTES.echo }, Date.now() / 1000);
  const lines = [
    `GET ${ROUTES.echo} HTTP/1.1`,
    `Host: ${name}:${port}`,
    'Connection: Upgrade',
    `Upgrade: ${ECHO_UPGRADE}`,
    ...(token === '' ? [] : [`Authorization: ${authorization}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** What the first line of an answer means, unless it is the right one. */
function refusalOf(line: string, target: string): ProbeFailure | undefined {
  const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(line) ?? [];
  if (status === '101') return undefined;
  const said = `${target} answered ${JSON.stringify(line.slice(0, 80))}`;
  if (status === '401' || status === '403')
    return failed('unauthorised', `${said}: it wants another token, or the clocks differ`);
  if (status === '429' || status === '503') return failed('busy', said);
  return failed('wrong_answer', `${said}, which no reflector does`);
}
