import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Gate } from './gate.ts';
import { ECHO_BYTES_PER_SECOND, IDLE_SECONDS } from './limits.ts';
import { Pace } from './pace.ts';
import { ECHO_UPGRADE, PROTOCOL_VERSION, REFUSALS, type Refusal, ROUTES, VERSION_HEADER } from './protocol/routes.ts';
import type { ReflectorTally } from './tally.ts';

/** Answers a request to become an echo: from then on each byte comes back, no faster than {@link ECHO_BYTES_PER_SECOND}. */
export function echoOverTcp(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { gate, tally }: { readonly gate: Gate; readonly tally: ReflectorTally },
): void {
  socket.on('error', () => undefined); // `close` follows
  const refusal = gate.refuse(request) ?? (isEcho(request) ? undefined : NO_ECHO);
  if (refusal !== undefined) {
    tally.count('echo_tcp', refusal.reason);
    socket.end(refusalText(refusal), () => socket.destroy());
    return;
  }
  const headers = [`${VERSION_HEADER}: ${PROTOCOL_VERSION}`, 'Connection: Upgrade', `Upgrade: ${ECHO_UPGRADE}`];
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join('\r\n')}\r\n\r\n`);
  const pace = new Pace(ECHO_BYTES_PER_SECOND);
  let resume: NodeJS.Timeout | undefined;
  let idle: NodeJS.Timeout | undefined;
  const awake = (): void => {
    clearTimeout(idle);
    idle = setTimeout(() => socket.destroy(), IDLE_SECONDS.echo * 1000);
  };
  const echo = (chunk: Buffer): void => {
    awake();
    tally.received('echo_tcp', chunk.length);
    tally.sent('echo_tcp', chunk.length);
    const full = !socket.write(chunk);
    const wait = pace.take(chunk.length, performance.now() / 1000);
    if (!full && wait < 0.001) return;
    socket.pause();
    resume = setTimeout(
      () => (socket.writableNeedDrain ? socket.once('drain', () => socket.resume()) : socket.resume()),
      wait * 1000,
    );
  };
  awake();
  if (head.length > 0) echo(head);
  socket.on('data', echo);
  socket.once('end', () => socket.end());
  socket.once('close', () => {
    clearTimeout(idle);
    clearTimeout(resume);
    tally.count('echo_tcp', socket.readableEnded ? 'done' : 'incomplete');
  });
}

const NO_ECHO: Refusal = { reason: 'invalid', message: `expected GET ${ROUTES.echo} with Upgrade: ${ECHO_UPGRADE}` };

function isEcho({ method, url, headers }: IncomingMessage): boolean {
  return method === 'GET' && url === ROUTES.echo && headers.upgrade?.toLowerCase() === ECHO_UPGRADE;
}

/** A whole answer that refuses, for a connection that express does not have. */
export function refusalText(refusal: Refusal): string {
  const status = REFUSALS[refusal.reason];
  const body = `${JSON.stringify(refusal)}\n`;
  const headers = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `${VERSION_HEADER}: ${PROTOCOL_VERSION}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return `${headers.join('\r\n')}\r\n\r\n${body}`;
}
