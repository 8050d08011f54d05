import { setTimeout as sleep } from 'node:timers/promises';
import type { ThroughputSettings } from '../config/probes/settings.ts';
import { oneLine } from '../config/words.ts';
import { connectCheck } from '../linux/connect-check.ts';
import { goodput } from './goodput.ts';
import {
  type BulkProbe,
  type FailureReason,
  failed,
  type Leg,
  type LegRun,
  type Measurement,
  type ProbeFailure,
} from './probe.ts';
import { failureOf } from './reasons.ts';
import { FIXED_BYTES, LEAST_PAYLOAD, OVERHEAD, payloadLimit } from './sizes.ts';
import { ToolMeter } from './tool-meter.ts';
import { runTool } from './tool-run.ts';

const CONNECT_SECONDS = 5;

/** A report has a line for each second. */
const MOST_OUTPUT_BYTES = 4 * 1024 * 1024;

/** Exit status of an iperf3 that was interrupted, or has something to complain of: its report says what. */
const COMPLAINING = 1;

/** iperf3 moves blocks of 128 KiB, so that it ends a few of them late. */
const LATE_BYTES = 512 * 1024;

/** Least time between two questions during the run, in milliseconds. */
const ASK_MS = 200;

/** What iperf3 complains of, in the words of its releases since 3.7. */
const COMPLAINTS: readonly (readonly [RegExp, FailureReason])[] = [
  [/server is busy/, 'busy'],
  [/Connection refused/, 'refused'],
  [/No route to host|Network is unreachable/, 'unreachable'],
  [/timed out|Operation now in progress/, 'timeout'],
  [/Connection reset|Broken pipe|other side may have stopped|unable to (?:receive|send) (?:control|results)/, 'broken'],
  [/authoriz|authentic/i, 'unauthorised'],
];

/** How fast data goes to or from an iperf3 server; iperf3 is run with the path's interface, over MPTCP by mptcpize. */
export const iperf3: BulkProbe = {
  kind: 'bulk',
  legs: ({ directions }) => directions.map((direction): Leg => ({ direction })),
  cost: (settings) => ({
    leastBytes: LEAST_PAYLOAD * OVERHEAD + FIXED_BYTES + LATE_BYTES,
    mostBytes: ((settings as ThroughputSettings).maximumBytes ?? Number.POSITIVE_INFINITY) * OVERHEAD + FIXED_BYTES,
  }),
  run: async (run) => {
    const limit = Math.floor(payloadLimit(run) - LATE_BYTES);
    if (limit < 1) return failed('budget_exhausted', 'the budget leaves nothing to measure with');
    const asked = new AbortController();
    const rtts = askMeanwhile(run, asked.signal);
    let meter: ToolMeter | undefined;
    let payload = { sent: 0, received: 0 };
    try {
      meter = await ToolMeter.start(run, run.settings.target.port);
      const written = await runTool(run, 'iperf3', argumentsOf(run, limit), {
        maxBytes: MOST_OUTPUT_BYTES,
        acceptedExitCodes: [COMPLAINING],
        ...(Number.isFinite(limit) && { interruptAfterMs: (secondsOf(run) + 1) * 1000 }),
      });
      if (typeof written !== 'string') return written;
      const report = reportOf(written);
      if ('ok' in report) return report;
      payload = { sent: report.sentBytes, received: report.receivedBytes };
      if (meter.fellBack)
        return failed('fell_back', 'the connection is plain TCP, the target or something on the way refused MPTCP');
      const measured = report.interrupted ? goodput(meter.arrived, secondsOf(run)) : report.measured;
      if (measured === undefined) return failed('tool_failed', 'iperf3 ended before there was anything to measure');
      asked.abort();
      return { ok: true, value: { ...measured, loadedRttSeconds: await rtts } };
    } catch (caught) {
      return failureOf(caught);
    } finally {
      asked.abort();
      await meter?.end(run.leg.direction === 'up' ? { ...payload, received: 0 } : { ...payload, sent: 0 });
      await rtts;
    }
  },
};

/** Whole seconds, as iperf3 takes them. */
function secondsOf({ settings }: LegRun): number {
  return Math.max(1, Math.ceil((settings as ThroughputSettings).durationSeconds));
}

function argumentsOf(run: LegRun, limit: number): string[] {
  const seconds = secondsOf(run);
  const omitted = seconds >= 3 ? 1 : 0;
  return [
    ...['--client', run.address, '--port', String(run.settings.target.port), '--json'],
    ...['--connect-timeout', String(CONNECT_SECONDS * 1000)],
    ...(Number.isFinite(limit)
      ? ['--bytes', String(limit)]
      : ['--time', String(seconds - omitted), '--omit', String(omitted)]),
    ...(run.leg.direction === 'down' ? ['--reverse'] : []),
    ...(run.interfaceName === undefined ? [] : ['--bind-dev', run.interfaceName]),
    ...(run.localAddress === undefined ? [] : ['--bind', run.localAddress]),
  ];
}

/** What is read of a report. */
interface Report {
  readonly interrupted: boolean;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Payload that arrived at the receiver after what was omitted. */
  readonly measured: Pick<Measurement, 'bytes' | 'seconds'> | undefined;
}

interface Sum {
  readonly bytes?: unknown;
  readonly seconds?: unknown;
}

/** Reads what iperf3 wrote; exported for tests on captured reports. */
export function reportOf(text: string): Report | ProbeFailure {
  let report: { readonly error?: unknown; readonly end?: { readonly sum_sent?: Sum; readonly sum_received?: Sum } };
  try {
    report = JSON.parse(text) as typeof report;
  } catch {
    return failed('tool_failed', 'iperf3 wrote something that is no report of its own');
  }
  const { error, end } = report;
  const interrupted = typeof error === 'string' && error.includes('the client has terminated');
  if (typeof error === 'string' && !interrupted) {
    const reason = COMPLAINTS.find(([words]) => words.test(error))?.[1] ?? 'tool_failed';
    return failed(reason, `iperf3 says: ${oneLine(error).slice(0, 200)}`);
  }
  const [sent, received] = [numbersOf(end?.sum_sent), numbersOf(end?.sum_received)];
  const measured = received.bytes > 0 && received.seconds > 0 ? received : undefined;
  return { interrupted, sentBytes: sent.bytes, receivedBytes: received.bytes, measured };
}

function numbersOf(sum: Sum | undefined): { bytes: number; seconds: number } {
  const { bytes, seconds } = sum ?? {};
  return { bytes: typeof bytes === 'number' ? bytes : 0, seconds: typeof seconds === 'number' ? seconds : 0 };
}

/** RTTs of connects to the server's port, which are reset before it sees them; none over MPTCP, which has no one way. */
async function askMeanwhile(run: LegRun, stop: AbortSignal): Promise<readonly number[]> {
  const rtts: number[] = [];
  const { interfaceName, localAddress, address, settings } = run;
  if (interfaceName === undefined || localAddress === undefined) return rtts;
  const signal = AbortSignal.any([stop, run.signal]);
  try {
    const libc = await run.libc();
    const peer = { address, port: settings.target.port ?? 0 };
    await sleep(1000, undefined, { signal }); // its own connections come first
    while (!signal.aborted) {
      const begun = performance.now();
      const alive = await connectCheck(libc, { interfaceName, localAddress, peer, timeoutSeconds: 2 }, signal);
      const took = performance.now() - begun;
      if (alive) rtts.push(took / 1000);
      await sleep(Math.max(0, ASK_MS - took), undefined, { signal });
    }
  } catch {
    // It was ended, or cannot be asked: that costs only these RTTs.
  }
  return rtts;
}
