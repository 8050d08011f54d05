import { isIP } from 'node:net';
import { ExporterError } from '../../errors.ts';
import { type Run, run as runProgram } from './exec.ts';

/** One echo request. */
export interface PingRequest {
  readonly address: string;
  readonly interfaceName: string;
  readonly localAddress?: string | undefined;
  /** Bytes after the ICMP header; at least 16, or there is no round trip time. */
  readonly payloadBytes: number;
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
}

const MAX_BYTES = 64 * 1024;

/** Starting and ending the program. */
const GRACE_MS = 2000;

/** `time=` in milliseconds of the first answer of iputils, inetutils or BusyBox. */
const ANSWER = /^\d+ bytes from .*\btime[=<]([\d.]+) ?ms/m;

/** ICMP errors, in words that differ between programs. */
const UNREACHABLE = /Unreachable|unreachable|Packet filtered|Time to live exceeded|Time exceeded|Hop limit/;

/**
 * Sends one ICMP echo request with ping and resolves to its round trip time in seconds. Throws {@link ExporterError}:
 * `timeout` when no answer came, `unreachable` when something on the way said so or the interface is not there, `malformed` when the answer is not
 * the payload that was sent, `permission_denied`, `tool_missing`, `tool_failed`.
 */
export async function ping(request: PingRequest, run: Run = runProgram): Promise<number> {
  const { address, interfaceName, localAddress, payloadBytes, timeoutSeconds, signal } = request;
  const args = [
    isIP(address) === 6 ? '-6' : '-4',
    ...['-n', '-c', '1', '-W', `${Math.ceil(timeoutSeconds)}`, '-s', `${payloadBytes}`],
    ...(localAddress === undefined ? [] : ['-I', localAddress]),
    ...['-I', interfaceName, address],
  ];
  const text = await run('ping', args, {
    timeoutMs: timeoutSeconds * 1000 + GRACE_MS,
    maxBytes: MAX_BYTES,
    acceptedExitCodes: [1], // no answer
    quoteErrors: true,
    ...(signal !== undefined && { signal }),
  }).catch((caught: unknown) => {
    throw meaning(caught);
  });
  return parsePing(text, request);
}

/** Reads what ping wrote about one request. */
export function parsePing(
  text: string,
  { address, interfaceName }: Pick<PingRequest, 'address' | 'interfaceName'>,
): number {
  const doing = `ping ${address} from ${interfaceName}`;
  if (/wrong data byte|truncated|BAD CHECKSUM|DUP!.*DIFFERENT/.test(text)) {
    throw new ExporterError('malformed', `cannot ${doing}: the answer is not what was sent`);
  }
  const [, milliseconds] = ANSWER.exec(text) ?? [];
  if (milliseconds !== undefined) return Number(milliseconds) / 1000;
  const [why] = UNREACHABLE.exec(text) === null ? [] : text.split('\n').filter((line) => UNREACHABLE.test(line));
  if (why !== undefined) throw new ExporterError('unreachable', `cannot ${doing}: ${why.slice(0, 200)}`);
  if (/\b0 (packets )?received/.test(text))
    throw new ExporterError('timeout', `no answer from ${address} over ${interfaceName}`);
  throw new ExporterError(
    'tool_failed',
    `ping wrote what is not understood: ${text.slice(0, 100).replace(/\s+/g, ' ')}`,
  );
}

/** What ping complains about on its standard error, which has no codes. */
function meaning(caught: unknown): unknown {
  if (!(caught instanceof ExporterError) || caught.code !== 'tool_failed') return caught;
  const { message } = caught;
  if (/not permitted|ermission denied|Lacking privilege/.test(message)) {
    return new ExporterError('permission_denied', message, {
      remedy: 'Let its group send echo requests (sysctl net.ipv4.ping_group_range), or grant CAP_NET_RAW.',
      cause: caught,
    });
  }
  if (/nreachable|unknown iface|No such device|Cannot assign|Invalid argument|cannot bind/i.test(message)) {
    return new ExporterError('unreachable', message, { cause: caught });
  }
  return caught;
}
