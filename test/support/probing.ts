import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../lab/lab.ts';
import type { LinkSpec } from '../lab/links.ts';
import type { LabProcess } from '../lab/process.ts';
import { type RunningExporter, startExporter } from './exporter.ts';
import { type Scrape, scrapeIn } from './exposition.ts';

const MAIN = fileURLToPath(new URL('../../exporter/dist/main.js', import.meta.url));
const TOKEN = 'token-of-the-live-tests';

/** Ethernet, WiFi and LTE as at home; `ETHERNET`'s address at the server is everybody's target. */
export const HOME: readonly LinkSpec[] = [
  { name: 'eth0', rateMbit: 93, delayMs: 5 },
  { name: 'wlan0', rateMbit: 80, delayMs: 10 },
  { name: 'lte0', up: { rateMbit: 6 }, down: { rateMbit: 35 }, delayMs: 30 },
];

/** Set delays of {@link HOME}, there and back, in seconds. */
export const ROUND_TRIPS = { eth0: 0.01, wlan0: 0.02, lte0: 0.06 } as const;

/** Files of one test, and programs that are told of them. */
export class Probing {
  readonly lab: Lab;
  readonly folder = mkdtempSync(join(tmpdir(), 'mptcp-probes-'));
  readonly #exporters: RunningExporter[] = [];
  #configurations = 0;

  constructor(lab: Lab) {
    this.lab = lab;
    writeFileSync(this.tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  }

  get tokenFile(): string {
    return join(this.folder, 'token');
  }

  /** Starts our reflector at the server's address on the first link, which is to be the target over all, and waits until it answers. */
  async reflector(...flags: readonly string[]): Promise<LabProcess> {
    const own = [
      `--reflector.listen-address=${this.lab.server.address('eth0')}:10263`,
      `--reflector.token-file=${this.tokenFile}`,
    ];
    const args = [MAIN, 'reflector', ...own, '--web.listen-address=127.0.0.1:0', ...flags];
    const reflector = this.lab.server.spawn(process.execPath, args);
    const deadline = performance.now() + 20_000;
    while (!reflector.stderr.includes('answering probes')) {
      if (performance.now() > deadline) throw new Error(`the reflector does not answer: ${reflector.stderr}`);
      await sleep(50);
    }
    return reflector;
  }

  /** Writes a configuration (YAML) and gives the file's path. */
  configurationFile(configuration: string): string {
    const file = join(this.folder, `config-${this.#configurations++}.yml`);
    writeFileSync(file, configuration);
    return file;
  }

  /** Starts an exporter at the client with this configuration (YAML). */
  async exporter(configuration: string, prefix: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    const file = this.configurationFile(configuration);
    const exporter = await startExporter({
      args: [`--config.file=${file}`, '--sample.interval=500ms'],
      prefix: [...this.lab.client.prefix, ...prefix],
      env,
    });
    this.#exporters.push(exporter);
    return exporter;
  }

  scrape(exporter: RunningExporter): Promise<Scrape> {
    return scrapeIn(this.lab.client, exporter.url);
  }

  /** Ends the exporters that run still, also after a test that failed. */
  async stopExporters(): Promise<void> {
    await Promise.all(this.#exporters.splice(0).map((exporter) => exporter.stop()));
  }

  /** Ends what was started and removes the files; the lab stays. */
  async close(): Promise<void> {
    await this.stopExporters();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Warnings of probes in a log, their number by probe, path and reason. */
export function warnings(log: string): string[] {
  return log
    .split('\n')
    .filter((line) => / level=warn .* probe=/.test(line))
    .map((line) => {
      const [probe, path, reason] = ['probe', 'path', 'reason'].map(
        (key) => new RegExp(` ${key}=(\\S+)`).exec(line)?.[1],
      );
      return `${probe} ${path} ${reason}`;
    });
}
