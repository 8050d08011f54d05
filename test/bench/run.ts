/**
 * `npm run bench` (root): what reading costs, as ratios of times measured side by side in one run.
 * Ends with 1 when a bound of the design is exceeded.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { labUnavailable } from '../lab/available.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import build from '../support/build.ts';
import { startExporter } from '../support/exporter.ts';

const ROOT = join(import.meta.dirname, '../..');
const NODE_EXPORTER_PORT = 9100;

interface Bound {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly most: number;
}

const bounds: Bound[] = [];

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const least = (values: readonly number[]): number => Math.min(...values);

async function inside<T>(lab: Lab, ...args: readonly string[]): Promise<T> {
  const program = join(ROOT, 'test/bench/inside.ts');
  const tsx = join(ROOT, 'node_modules/tsx/dist/loader.mjs');
  const text = await lab.client.exec(process.execPath, ['--import', tsx, program, ...args], { timeoutMs: 120_000 });
  return JSON.parse(text) as T;
}

function table(times: Readonly<Record<string, readonly number[]>>): void {
  for (const [name, values] of Object.entries(times)) {
    console.log(
      `  ${name.padEnd(44)} median ${median(values).toFixed(1).padStart(7)} ms, least ${least(values).toFixed(1).padStart(7)} ms`,
    );
  }
}

async function manySubflows(): Promise<void> {
  await using lab = await createLab({
    links: [
      { name: 'eth0', rateMbit: 1000 },
      { name: 'wlan0', rateMbit: 1000 },
    ],
  });
  const traffic = await lab.startTraffic({ connections: 5000, bytes: 1000, hold: true, timeoutMs: 120_000 });
  await sleep(3000);
  const { counts, times } = await inside<{
    counts: { connections: number; subflows: number };
    times: Record<string, number[]>;
  }>(lab, 'read');
  console.log(`${counts.connections} connections, ${counts.subflows} subflows:`);
  table(times);
  const ss = median(times['ss -tinHO'] ?? []) + median(times['ss -MinHO'] ?? []);
  bounds.push({
    what: 'netlink read and join, by ss -tinHO and ss -MinHO',
    value: median(times['netlink read and join'] ?? []) / ss,
    unit: 'x',
    most: 0.6,
  });

  await using exporter = await startExporter({ prefix: ['ip', 'netns', 'exec', lab.client.namespace] });
  const node = lab.client.spawn('prometheus-node-exporter', [
    '--collector.disable-defaults',
    '--collector.tcpstat',
    `--web.listen-address=127.0.0.1:${NODE_EXPORTER_PORT}`,
  ]);
  // Both have run for a while when they are scraped in earnest.
  await sleep(10_000);
  const ours = `${exporter.url}/metrics`;
  const theirs = `http://127.0.0.1:${NODE_EXPORTER_PORT}/metrics`;
  const scrapes = await inside<{ times: Record<string, number[]> }>(lab, 'scrape', ours, theirs);
  table(scrapes.times);
  bounds.push({
    what: 'default scrape, by node_exporter with tcpstat alone',
    value: median(scrapes.times[ours] ?? []) / median(scrapes.times[theirs] ?? []),
    unit: 'x',
    most: 1.5,
  });
  await node.stop();
  await exporter.stop();
  await traffic.finish();
}

async function fewSubflows(): Promise<void> {
  await using lab = await createLab({
    links: [
      { name: 'eth0', rateMbit: 100 },
      { name: 'wlan0', rateMbit: 100 },
    ],
  });
  const traffic = await lab.startTraffic({ connections: 25, bytes: 'unlimited', rateMbit: 1 });
  await using exporter = await startExporter({ prefix: ['ip', 'netns', 'exec', lab.client.namespace] });
  await sleep(5000);
  const url = `${exporter.url}/metrics`;
  const { times } = await inside<{ times: Record<string, number[]> }>(lab, 'scrape', url);
  console.log('25 connections, 50 subflows, all of them busy:');
  table(times);
  await sleep(30_000);
  const rss = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${exporter.pid}/status`, 'utf8'))?.[1]) / 1024;
  bounds.push(
    { what: 'a scrape with 50 subflows', value: median(times[url] ?? []), unit: 'ms', most: 10 },
    { what: 'resident memory with 50 subflows', value: rss, unit: 'MiB', most: 120e6 / 2 ** 20 },
  );
  await exporter.stop();
  await traffic.finish();
}

const reason = await labUnavailable();
if (reason !== undefined) {
  console.error(`the benchmark cannot run: ${reason}`);
  process.exit(2);
}
await build();
await manySubflows();
await fewSubflows();
for (const { what, value, unit, most } of bounds) {
  const verdict = value <= most ? 'ok' : 'TOO MUCH';
  console.log(`${verdict.padEnd(9)} ${what}: ${value.toFixed(2)} ${unit} (at most ${most.toFixed(1)})`);
  if (value > most) process.exitCode = 1;
}
