import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../lab/host.ts';
import { type Scrape, scrapeIn } from '../exposition.ts';

const EVERY_MS = 5000;

/** Scrapes an exporter as Prometheus does, and notes what no scrape may show whatever happens to the links. */
export class ScrapeWatch {
  readonly complaints: string[] = [];
  count = 0;
  readonly #last = new Map<string, number>();
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(host: Host, url: string) {
    this.#running = this.#run(host, url);
  }

  /** Ends it after the scrape under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(host: Host, url: string): Promise<void> {
    while (!this.#stopped) {
      try {
        this.#judge(await scrapeIn(host, url));
      } catch (error) {
        this.complaints.push(error instanceof Error ? error.message : String(error));
      }
      await sleep(EVERY_MS);
    }
  }

  #judge(scrape: Scrape): void {
    this.count++;
    if (scrape.value('mptcp_up') !== 1) this.complaints.push('mptcp_up is not 1');
    for (const { labels, value } of scrape.samples('mptcp_scrape_collector_success')) {
      if (value !== 1) this.complaints.push(`collector ${labels.collector} failed`);
    }
    const states = new Map<string, number>();
    for (const { labels, value } of scrape.samples('mptcp_path_state')) {
      states.set(labels.path ?? '', (states.get(labels.path ?? '') ?? 0) + value);
    }
    for (const [path, standing] of states) {
      if (standing !== 1) this.complaints.push(`${path} is in ${standing} states at once`);
    }
    for (const line of scrape.body.split('\n')) this.#compare(line);
  }

  /** Counters of paths, of the exporter and of the host never go backwards. */
  #compare(line: string): void {
    const [, series, value] =
      /^((?:mptcp_(?:path|exporter|pm|mib)_\w+_(?:total|bucket|count|sum)|process_cpu_seconds_total)\S*) (\S+)$/.exec(
        line,
      ) ?? [];
    if (series === undefined) return;
    const before = this.#last.get(series);
    if (before !== undefined && Number(value) < before)
      this.complaints.push(`${series} went from ${before} back to ${value}`);
    this.#last.set(series, Number(value));
  }
}
