import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { isIPv6, type Socket } from 'node:net';
import { oneLine, shown } from '../config/words.ts';
import { authorize } from '../reflector/protocol/authorization.ts';
import { PROTOCOL_VERSION, REFUSALS, type RefusalReason, VERSION_HEADER } from '../reflector/protocol/routes.ts';
import { type FailureReason, failed, type ProbeFailure } from './probe.ts';

/** Most that is read of an answer that refuses. */
const REFUSAL_BYTES = 4096;

/** What its refusals mean to a probe. */
const REASONS: Readonly<Record<RefusalReason, FailureReason>> = {
  invalid: 'wrong_answer',
  unauthorized: 'unauthorised',
  clock: 'unauthorised',
  not_found: 'wrong_answer',
  too_large: 'wrong_answer',
  too_many_requests: 'busy',
  busy: 'busy',
  too_many_connections: 'busy',
};

/** One request to a reflector. */
export interface ReflectorRequest {
  readonly method: 'GET' | 'POST';
  /** Path and query. */
  readonly target: string;
  /** Empty: not signed. */
  readonly token: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Begins a request on a connected socket, which it then owns. The body, if any, is still to be written. */
export function askReflector(socket: Socket, { method, target, token, headers }: ReflectorRequest): ClientRequest {
  const host = socket.remoteAddress ?? 'reflector';
  const signed = token === '' ? {} : { Authorization: authorize(token, { method, target }, Date.now() / 1000) };
  const request = httpRequest({
    createConnection: () => socket,
    method,
    path: target,
    setHost: false,
    headers: {
      Host: `${isIPv6(host) ? `[${host}]` : host}:${socket.remotePort}`,
      ...signed,
      ...headers,
    },
  });
  request.on('error', () => undefined); // also when nobody waits for it any more; who does hears of it, too
  // A socket that has closed already would say nothing more.
  if (socket.destroyed) request.destroy(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
  return request;
}

/** Waits for the head of the answer: a reflector's that does what it was asked, else the failure. Rejects as the request does. */
export async function answerOf(request: ClientRequest, signal: AbortSignal): Promise<IncomingMessage | ProbeFailure> {
  const [response] = (await once(request, 'response', { signal })) as [IncomingMessage];
  if (response.statusCode === 200 && response.headers[VERSION_HEADER] === PROTOCOL_VERSION) return response;
  return refusalOf(response);
}

/** What an answer other than the one hoped for means. */
export async function refusalOf(response: IncomingMessage): Promise<ProbeFailure> {
  const { statusCode, headers } = response;
  const version = headers[VERSION_HEADER];
  if (version === undefined)
    return failed('wrong_answer', `answered by HTTP status ${statusCode}, and not by a reflector`);
  if (version !== PROTOCOL_VERSION) {
    return failed(
      'wrong_answer',
      `the reflector speaks version ${shown(String(version))}, this is ${PROTOCOL_VERSION}`,
    );
  }
  let text = '';
  try {
    for await (const chunk of response) {
      text += String(chunk);
      if (text.length > REFUSAL_BYTES) break;
    }
    const { reason, message } = JSON.parse(text) as { readonly reason?: unknown; readonly message?: unknown };
    if (typeof reason === 'string' && reason in REFUSALS) {
      return failed(REASONS[reason as RefusalReason], `the reflector says: ${oneLine(String(message))}`);
    }
  } catch {
    // Cut off, or not JSON: as wrong as any other.
  }
  return failed('wrong_answer', `the reflector answered by HTTP status ${statusCode}`);
}

/** What broke a conversation with a reflector that had begun. */
export function brokenOf(caught: unknown): ProbeFailure | undefined {
  const { code = '', message } = caught as NodeJS.ErrnoException;
  if (code.startsWith('HPE_')) return failed('wrong_answer', `the answer is no HTTP: ${oneLine(message)}`);
  if (/^(?:ECONNRESET|EPIPE|ECONNABORTED|ERR_STREAM_PREMATURE_CLOSE)$/.test(code)) {
    return failed('broken', `the connection ended in the middle: ${code}`);
  }
  if (caught instanceof Error && caught.name === 'TimeoutError')
    return failed('timeout', 'the answer did not begin in time');
  if (caught instanceof Error && caught.name === 'AbortError')
    return failed('timeout', 'the answer did not begin in time');
  if (code === 'ETIMEDOUT') return failed('stalled', 'the kernel gave the connection up: ETIMEDOUT');
  return undefined;
}
