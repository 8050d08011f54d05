import { rm } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import type { TransferSettings } from '../config/probes/settings.ts';
import { isMptcp } from '../linux/own-traffic.ts';
import { connectStream } from '../linux/stream-socket.ts';
import { authorize } from '../reflector/protocol/authorization.ts';
import { type Progress, ROUTES } from '../reflector/protocol/routes.ts';
import { type CurlReport, curlFailure, curlReport } from './curl-report.ts';
import { netrcOf } from './netrc.ts';
import { type BulkProbe, failed, type Leg, type LegRun, type ProbeResult } from './probe.ts';
import { failureOf } from './reasons.ts';
import { FIXED_BYTES, OVERHEAD } from './sizes.ts';
import { tokenOf } from './token.ts';
import { ToolMeter } from './tool-meter.ts';
import { runTool } from './tool-run.ts';

const CONNECT_SECONDS = 10;
const MOST_OUTPUT_BYTES = 64 * 1024;

/** Slower than this many bytes a second for so many seconds is a stall. */
const STALL = { bytesPerSecond: 100, seconds: 10 } as const;

/** What curl exits with when something went wrong; its report then says what. */
const EXIT_CODES = Array.from({ length: 99 }, (_, code) => code + 1);

const BLOCK_BYTES = 64 * 1024;

/**
 * How long files take, connecting and logging in included, as somebody who waits for them would say: by curl, over HTTP with our
 * reflector, or over FTP with any server. Over FTP a file is downloaded that was uploaded before: its name tells its size.
 */
export const transfer: BulkProbe = {
  kind: 'bulk',
  legs: (settings) => {
    const { sizesBytes, directions } = settings as TransferSettings;
    // Up first: over FTP that is where the file for the way down comes from.
    const ways = directions.toSorted((a, b) => (a === b ? 0 : a === 'up' ? -1 : 1));
    return sizesBytes.flatMap((sizeBytes) => ways.map((direction): Leg => ({ direction, sizeBytes })));
  },
  cost: (_, { sizeBytes = 0 }) => {
    const bytes = sizeBytes * OVERHEAD + FIXED_BYTES;
    return { leastBytes: bytes, mostBytes: bytes };
  },
  run: async (run) => {
    const settings = run.settings as TransferSettings;
    const { sizeBytes = 0 } = run.leg;
    if (run.meter.remaining < sizeBytes * OVERHEAD + FIXED_BYTES) {
      return failed('budget_exhausted', `the budget does not allow a file of ${sizeBytes} bytes`);
    }
    try {
      if (run.interfaceName === undefined && (await refusesMptcp(run))) {
        return failed('fell_back', 'a connection is plain TCP, the target or something on the way refused MPTCP');
      }
      const login = await netrcOf(settings.loginFile);
      try {
        return await transferred(run, settings, sizeBytes, login?.file);
      } finally {
        if (login !== undefined) await rm(login.folder, { recursive: true, force: true });
      }
    } catch (caught) {
      return failureOf(caught);
    }
  },
};

async function transferred(
  run: LegRun,
  settings: TransferSettings,
  sizeBytes: number,
  netrc: string | undefined,
): ReturnType<BulkProbe['run']> {
  const meter = await ToolMeter.start(run, settings.protocol === 'http' ? settings.target.port : undefined);
  let report: CurlReport | undefined;
  try {
    const up = run.leg.direction === 'up';
    const written = await runTool(run, 'curl', await argumentsOf(run, settings, sizeBytes, netrc), {
      maxBytes: MOST_OUTPUT_BYTES,
      acceptedExitCodes: EXIT_CODES,
      ...(up && { input: zeros(sizeBytes) }),
    });
    if (typeof written !== 'string') return written;
    // What the reflector says of an upload comes first; curl's own count has what HTTP puts around the pieces.
    const lines = written.trimEnd().split('\n');
    report = curlReport(lines.at(-1) ?? '');
    const arrived = up && settings.protocol === 'http' ? arrivedOf(lines[0] ?? '') : undefined;
    return resultOf(report, sizeBytes, arrived ?? (up ? report?.sentBytes : report?.receivedBytes));
  } finally {
    await meter.end({ sent: report?.sentBytes ?? 0, received: report?.receivedBytes ?? 0 });
  }
}

function resultOf(
  report: CurlReport | undefined,
  sizeBytes: number,
  bytes: number | undefined,
): ProbeResult<{ bytes: number; seconds: number; loadedRttSeconds: readonly number[] }> {
  if (report === undefined) return failed('tool_failed', 'curl wrote something that is no report of its own');
  const failure = curlFailure(report);
  if (failure !== undefined) return failure;
  if (bytes !== sizeBytes) return failed('wrong_answer', `${bytes} bytes were transferred, not ${sizeBytes}`);
  return { ok: true, value: { bytes, seconds: report.seconds, loadedRttSeconds: [] } };
}

/** What a reflector has got of an upload. */
function arrivedOf(line: string): number | undefined {
  try {
    const { bytes, done } = JSON.parse(line) as Partial<Progress>;
    return done === true ? bytes : undefined;
  } catch {
    return undefined;
  }
}

async function argumentsOf(
  run: LegRun,
  settings: TransferSettings,
  sizeBytes: number,
  netrc: string | undefined,
): Promise<string[]> {
  const up = run.leg.direction === 'up';
  const host = isIPv6(run.address) ? `[${run.address}]` : run.address;
  const where = `${host}:${settings.target.port}`;
  const common = [
    ...['--disable', '--silent', '--show-error', '--write-out', '\\n%{json}'],
    ...['--output', up && settings.protocol === 'http' ? '-' : '/dev/null'],
    ...['--noproxy', '*', '--connect-timeout', String(CONNECT_SECONDS), '--max-time', String(run.timeoutSeconds)],
    ...['--speed-limit', String(STALL.bytesPerSecond), '--speed-time', String(STALL.seconds)],
    ...(run.interfaceName === undefined ? [] : ['--interface', run.interfaceName]),
    ...(up ? ['--upload-file', '-'] : []),
  ];
  if (settings.protocol === 'ftp') {
    const login = netrc === undefined ? [] : ['--netrc-file', netrc];
    return [...common, ...login, `ftp://${where}/mptcp-exporter-${sizeBytes}.bin`];
  }
  const target = up ? ROUTES.upload : `${ROUTES.download}?bytes=${sizeBytes}`;
  const token = await tokenOf(settings);
  const signed = authorize(token, { method: up ? 'PUT' : 'GET', target }, Date.now() / 1000);
  return [
    ...common,
    ...['--http1.1', '--header', 'Expect:'],
    ...(token === '' ? [] : ['--header', `Authorization: ${signed}`]),
    `http://${where}${target}`,
  ];
}

/** The body of an upload, no more of it in memory than a block. */
function* zeros(bytes: number): Generator<Uint8Array> {
  const block = new Uint8Array(BLOCK_BYTES);
  for (let left = bytes; left > 0; left -= block.length) yield left < block.length ? block.subarray(0, left) : block;
}

/** Whether a connection like curl's becomes plain TCP: small files are gone before anybody could look at theirs. */
async function refusesMptcp(run: LegRun): Promise<boolean> {
  const libc = await run.libc();
  const remote = { address: run.address, port: run.settings.target.port ?? 0 };
  const patience = { timeoutSeconds: CONNECT_SECONDS, signal: run.signal };
  const { socket, descriptor } = await connectStream(libc, { protocol: 'mptcp', remote }, patience);
  try {
    return isMptcp(libc, descriptor) === false;
  } finally {
    socket.destroy();
  }
}
