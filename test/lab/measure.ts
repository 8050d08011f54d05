import type { Lab } from './lab.ts';

/** How to ping; default 10 times, 50 ms apart, over IPv4. */
export interface PingOptions {
  readonly family?: 4 | 6;
  readonly count?: number;
  readonly intervalMs?: number;
}

/** What ping counted; `rttMs` is absent when nothing came back. */
export interface PingResult {
  readonly sent: number;
  readonly received: number;
  readonly rttMs: Record<'min' | 'median' | 'mean' | 'max', number> | undefined;
}

/** Pings the server's address on a link from the client. */
export async function ping(lab: Lab, link: string, options: PingOptions = {}): Promise<PingResult> {
  const { family = 4, count = 10, intervalMs = 50 } = options;
  const args = ['-n', `-${family}`, '-c', String(count), '-i', String(intervalMs / 1000), '-W', '2'];
  // ping ends with 1 when no reply came, which is a result here.
  const script = 'ping "$@" || [ $? -eq 1 ]';
  const text = await lab.client.exec('sh', ['-c', script, 'sh', ...args, lab.server.address(link, family)], {
    timeoutMs: count * intervalMs + 10_000,
  });
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(text) ?? [];
  if (sent === undefined || received === undefined) throw new Error(`ping printed no statistics: ${text}`);
  const times = [...text.matchAll(/ time=([\d.]+) ms/g)].map(([, time]) => Number(time)).sort((a, b) => a - b);
  const [min, median, max] = [times[0], times[Math.floor(times.length / 2)], times.at(-1)];
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  return {
    sent: Number(sent),
    received: Number(received),
    rttMs: min === undefined || median === undefined || max === undefined ? undefined : { min, median, max, mean },
  };
}

/** How to run iperf3; default 3 s up, over MPTCP and IPv4, to the server's address on the first link. */
export interface Iperf3Options {
  readonly seconds?: number;
  /** Seconds at the start that do not count (slow start); default 0. */
  readonly omitSeconds?: number;
  readonly direction?: 'up' | 'down';
  readonly protocol?: 'mptcp' | 'tcp';
  readonly family?: 4 | 6;
  /** The server listens on [::] for both families, as iperf3 does by itself; default only on `family`. */
  readonly dualStackListener?: boolean;
  /** From and to the addresses of this link. */
  readonly link?: string;
  readonly parallel?: number;
  readonly rateMbit?: number;
}

/** What iperf3 counted, in payload. */
export interface Iperf3Result {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly sentMbit: number;
  readonly receivedMbit: number;
  /** iperf3's whole report. */
  readonly report: unknown;
}

interface Report {
  readonly end: Record<'sum_sent' | 'sum_received', { readonly bytes: number; readonly bits_per_second: number }>;
}

const FIRST_PORT = 5201;
const portsTaken = new WeakMap<Lab, number>();

/** Runs an iperf3 server for one test and its client; throws what either says when it fails. */
export async function iperf3(lab: Lab, options: Iperf3Options = {}): Promise<Iperf3Result> {
  const { seconds = 3, omitSeconds = 0, family = 4, direction = 'up', protocol = 'mptcp', parallel = 1 } = options;
  const link = options.link ?? lab.links[0]?.plan.name ?? '';
  const taken = portsTaken.get(lab) ?? 0;
  portsTaken.set(lab, taken + 1);
  const port = ['-p', String(FIRST_PORT + taken)];
  const [program, ...prefix] = protocol === 'mptcp' ? ['mptcpize', 'run', 'iperf3'] : ['iperf3'];
  const listener = lab.server.spawn(program as string, [
    ...[...prefix, '-s', '-1', '--forceflush', ...port],
    ...(options.dualStackListener === true ? [] : [`-${family}`]),
  ]);
  try {
    await listener.waitForLine(/Server listening/);
    const text = await lab.client.exec(
      program as string,
      [
        ...[...prefix, '-J', ...port, '-t', String(seconds), '-O', String(omitSeconds), '-P', String(parallel)],
        ...[
          '-c',
          lab.server.address(link, family),
          ...(options.link === undefined ? [] : ['-B', lab.client.address(link, family)]),
        ],
        ...(direction === 'down' ? ['-R'] : []),
        ...(options.rateMbit === undefined ? [] : ['-b', `${options.rateMbit}M`]),
      ],
      { timeoutMs: (seconds + omitSeconds) * 1000 + 15_000 },
    );
    const report = JSON.parse(text) as Report;
    const { sum_sent: sent, sum_received: received } = report.end;
    return {
      sentBytes: sent.bytes,
      receivedBytes: received.bytes,
      sentMbit: sent.bits_per_second / 1e6,
      receivedMbit: received.bits_per_second / 1e6,
      report,
    };
  } finally {
    await listener.stop();
  }
}
