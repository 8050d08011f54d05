import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask } from '../http/client.ts';
import type { Lab } from '../lab/lab.ts';
import { labDirectory } from '../lab/registry.ts';
import { openTunnel, type Tunnel } from '../lab/tunnel/tunnel.ts';

const CONFIGURATION = fileURLToPath(new URL('../../prometheus/prometheus.yml', import.meta.url));
const PORT = 9090;
/** Beside other tests a start takes long. */
const START_MS = 60_000;
/** As prometheus.yml has it. */
const INTERVAL_MS = 5000;
const SCRAPES = 'count_over_time(mptcp_up{job="mptcp"}[10m])';

/** One series of an answer. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** In the order of time; one value for an instant query. */
  readonly values: readonly number[];
}

/** One target, as Prometheus sees it. */
export interface Target {
  readonly labels: Readonly<Record<string, string>>;
  readonly scrapeUrl: string;
  readonly health: string;
  readonly lastError: string;
}

/** A running Prometheus. Each question throws with Prometheus' own words when it refuses it. */
export interface Prometheus {
  readonly pid: number;
  /** Evaluates an expression at this moment. */
  query(expression: string): Promise<Series[]>;
  /** The value of the one series that an expression gives now; throws when there is not exactly one. */
  value(expression: string): Promise<number>;
  /** Evaluates an expression over the last `seconds`, every 5 s, as Grafana does for a graph. */
  queryRange(expression: string, seconds: number): Promise<Series[]>;
  /** The values of a label among the series that a selector finds, sorted. */
  labelValues(label: string, selector: string): Promise<string[]>;
  targets(): Promise<Target[]>;
  /** How often it has read the exporter with success in the last ten minutes. */
  scrapes(): Promise<number>;
  /** Waits for so many further scrapes; throws with its log after four times the time they should take. */
  awaitScrapes(count: number): Promise<void>;
  /** What it has logged so far. */
  log(): string;
}

/** Why no Prometheus can be started here, in one line with the remedy; undefined when one can. */
export const prometheusUnavailable = ['prometheus', 'promtool'].every(
  (program) => spawnSync(program, ['--version']).status === 0,
)
  ? undefined
  : 'needs prometheus and promtool (on Debian: apt-get install prometheus)';

/**
 * Starts Prometheus with the shipped configuration beside what runs in the lab's client, and waits until it is ready.
 * It ends with the lab, which takes its data too; throws with its log when it does not start.
 */
export async function startPrometheus(lab: Lab): Promise<Prometheus> {
  const child = lab.client.spawn('prometheus', [
    `--config.file=${CONFIGURATION}`,
    `--storage.tsdb.path=${join(labDirectory(lab.id), 'prometheus')}`,
    `--web.listen-address=127.0.0.1:${PORT}`,
  ]);
  const tunnel = await openTunnel(lab, 'client', PORT);
  const deadline = Date.now() + START_MS;
  while (!(await isReady(tunnel))) {
    if (child.exit !== undefined || Date.now() > deadline)
      throw new Error(`Prometheus is not ready: ${child.stderr.slice(-2000)}`);
    await sleep(100);
  }
  const query = async (expression: string) => {
    const { result } = await api<{ result: readonly Vector[] }>(tunnel, 'query', { query: expression });
    return result.map(({ metric, value: [, text] }) => ({ labels: metric, values: [Number(text)] }));
  };
  const scrapes = async () => (await query(SCRAPES))[0]?.values[0] ?? 0;
  return {
    pid: child.pid ?? 0,
    query,
    value: async (expression) => {
      const found = await query(expression);
      const [only] = found;
      if (found.length !== 1 || only === undefined) throw new Error(`${expression} gives ${found.length} series`);
      return only.values[0] ?? Number.NaN;
    },
    queryRange: async (expression, seconds) => {
      const end = Date.now() / 1000;
      const range = { start: String(end - seconds), end: String(end), step: '5' };
      const { result } = await api<{ result: readonly Matrix[] }>(tunnel, 'query_range', {
        query: expression,
        ...range,
      });
      return result.map(({ metric, values }) => ({ labels: metric, values: values.map(([, text]) => Number(text)) }));
    },
    labelValues: (label, selector) => api<string[]>(tunnel, `label/${label}/values`, { 'match[]': selector }),
    targets: async () => (await api<{ activeTargets: Target[] }>(tunnel, 'targets', { state: 'active' })).activeTargets,
    scrapes,
    awaitScrapes: async (count) => {
      const wanted = (await scrapes()) + count;
      const latest = Date.now() + 4 * count * INTERVAL_MS;
      while ((await scrapes()) < wanted) {
        if (Date.now() > latest)
          throw new Error(`Prometheus has not scraped ${count} times: ${child.stderr.slice(-2000)}`);
        await sleep(250);
      }
    },
    log: () => child.stderr,
  };
}

interface Vector {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface Matrix {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

async function isReady({ socketPath, port }: Tunnel): Promise<boolean> {
  try {
    return (await ask('/-/ready', { socketPath, port })).status === 200;
  } catch {
    // It does not listen yet.
    return false;
  }
}

async function api<T>(
  { socketPath, port }: Tunnel,
  path: string,
  parameters: Readonly<Record<string, string>>,
): Promise<T> {
  const { status, text } = await ask(`/api/v1/${path}?${new URLSearchParams(parameters)}`, { socketPath, port });
  if (status !== 200) throw new Error(`Prometheus answers ${status} for ${JSON.stringify(parameters)}: ${text}`);
  return (JSON.parse(text) as { data: T }).data;
}
