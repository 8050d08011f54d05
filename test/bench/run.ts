/**
 * `npm run bench` (root): what reading costs, as ratios of times measured side by side in one run.
 * `npm run bench few sampling` measures these parts alone. Ends with 1 when a bound of the design is exceeded.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { labUnavailable } from '../lab/available.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import build from '../support/build.ts';
import { startExporter } from '../support/exporter.ts';
import { insightEnvironment, insightOf } from '../support/insight.ts';

const ROOT = join(import.meta.dirname, '../..');
const NODE_EXPORTER_PORT = 9100;

/** A program that has just started is busy with itself: V8 compiles what runs often. */
const WARM_UP_MS = 60_000;
/** What runs once a second has then run 240 times. */
const SAMPLING_WARM_UP_MS = 240_000;
const MEASURED_MS = 30_000;
const SCRAPE_INTERVAL_MS = 5000;
/** Some hundred scrapes within the warm-up, what an exporter has had after half an hour. */
const FREQUENT_SCRAPES_MS = 500;
/** Of the times in /proc (USER_HZ, the same on every platform that Node.js runs on). */
const TICKS_PER_SECOND = 100;

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

/** User and system time of a process with all its threads, in seconds (proc_pid_stat(5)). */
function cpuSeconds(pid: number): number {
  const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) ?? '';
  const [user, system] = afterName.split(' ').slice(11, 13).map(Number);
  return ((user ?? Number.NaN) + (system ?? Number.NaN)) / TICKS_PER_SECOND;
}

async function scrapeFor(lab: Lab, url: string, milliseconds: number, intervalMs: number): Promise<void> {
  const end = performance.now() + milliseconds;
  const scrape = ['-sSf', '--compressed', '-o', '/dev/null', url];
  while (performance.now() < end) {
    await Promise.all([lab.client.exec('curl', scrape, { timeoutMs: 30_000 }), sleep(intervalMs)]);
  }
}

/** Samples every second, and is scraped now and then: how long does nothing else get its turn? */
async function eventLoop(lab: Lab): Promise<void> {
  const prefix = lab.client.prefix;
  await using exporter = await startExporter({ prefix, env: insightEnvironment(true) });
  const url = `${exporter.url}/metrics`;
  await scrapeFor(lab, url, WARM_UP_MS, SCRAPE_INTERVAL_MS);
  await insightOf(exporter);
  await scrapeFor(lab, url, MEASURED_MS, SCRAPE_INTERVAL_MS);
  const { blocks = [] } = await insightOf(exporter);
  console.log('the event loop was blocked longest for (of which without a processor, which others had):');
  for (const { ms, waitedMs } of blocks) console.log(`  ${ms.toFixed(1)} ms (${waitedMs.toFixed(1)} ms)`);
  bounds.push({
    what: 'longest block of the event loop with 10,000 subflows',
    value: Math.max(...blocks.map(({ ms, waitedMs }) => ms - waitedMs)),
    unit: 'ms',
    most: 50,
  });
  await exporter.stop();
}

/** Samples every second, and nobody asks. */
async function sampling(): Promise<void> {
  await using lab = await createLab({
    links: [
      { name: 'eth0', rateMbit: 100 },
      { name: 'wlan0', rateMbit: 100 },
    ],
  });
  const traffic = await lab.startTraffic({ connections: 50, bytes: 'unlimited', rateMbit: 0.2 });
  await using exporter = await startExporter({ prefix: lab.client.prefix });
  await sleep(SAMPLING_WARM_UP_MS);
  const [cpu, start] = [cpuSeconds(exporter.pid), performance.now()];
  await sleep(MEASURED_MS);
  const share = (cpuSeconds(exporter.pid) - cpu) / ((performance.now() - start) / 1000);
  bounds.push({ what: 'sampling 100 subflows every second, of a core', value: 100 * share, unit: '%', most: 1 });
  await exporter.stop();
  await traffic.finish();
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

  await using exporter = await startExporter({ prefix: lab.client.prefix });
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
  await eventLoop(lab);
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
  await using exporter = await startExporter({ prefix: lab.client.prefix });
  const url = `${exporter.url}/metrics`;
  await scrapeFor(lab, url, WARM_UP_MS, FREQUENT_SCRAPES_MS);
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
const PARTS = { many: manySubflows, few: fewSubflows, sampling } as const;
const wanted = process.argv.slice(2);
const unknown = wanted.find((part) => !Object.hasOwn(PARTS, part));
if (unknown !== undefined) {
  console.error(`there is no part ${unknown}; there are ${Object.keys(PARTS).join(', ')}`);
  process.exit(2);
}
await build();
for (const [name, run] of Object.entries(PARTS)) if (wanted.length === 0 || wanted.includes(name)) await run();
for (const { what, value, unit, most } of bounds) {
  const verdict = value <= most ? 'ok' : 'TOO MUCH';
  console.log(`${verdict.padEnd(9)} ${what}: ${value.toFixed(2)} ${unit} (at most ${most.toFixed(1)})`);
  if (value > most) process.exitCode = 1;
}
