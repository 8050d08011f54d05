import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../lab/lab.ts';
import { type RunningExporter, startExporter } from './exporter.ts';
import { type Scrape, scrapeIn } from './exposition.ts';
import { pathGrowth, pathNames, together } from './path-bytes.ts';

/** The ends of a lab. */
export const ENDS = ['client', 'server'] as const;

/** One of {@link ENDS}. */
export type End = (typeof ENDS)[number];

/** Configuration of a server's exporter: all subflows reach it at its first address, so its paths are told by who they come from. */
export const serverPaths = (lab: Lab): string =>
  [
    'paths:',
    ...lab.links.flatMap(({ plan: { name, index } }) => [
      `  - name: ${name}`,
      `    remote: [10.77.${index}.0/24, fd77:${index}::/64]`,
    ]),
    '',
  ].join('\n');

/** Exporters in both namespaces of a lab, which name the paths alike: by the links. */
export interface BothEnds extends AsyncDisposable {
  /** Where they listen, on the loopback of their namespaces. */
  readonly urls: Readonly<Record<End, string>>;
  /** What both tell at this moment, by a fresh look each. */
  scrape(): Promise<Readonly<Record<End, Scrape>>>;
  stop(): Promise<void>;
}

/**
 * Scrapes until every subflow that opened since `before` is known to have closed, at most 15 s: what a missed notification
 * takes is 5 s. Throws when some are left.
 */
export async function untilClosed(ends: BothEnds, before: Awaited<ReturnType<BothEnds['scrape']>>) {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const after = await ends.scrape();
    const open = ENDS.map((end) => {
      const grown = together(pathNames(after[end]).map((path) => pathGrowth(before[end], after[end], path)));
      return grown.established - grown.closed;
    });
    if (open.every((count) => count === 0)) return after;
    if (Date.now() > deadline) throw new Error(`subflows left open, client and server: ${open.join(', ')}`);
    await sleep(200);
  }
}

/** Starts an exporter at both ends; throws, leaving none behind, when one does not start. */
export async function startBothEnds(lab: Lab, args: readonly string[] = []): Promise<BothEnds> {
  const folder = mkdtempSync(join(tmpdir(), 'mptcp-both-ends-'));
  const configuration = join(folder, 'server.yml');
  writeFileSync(configuration, serverPaths(lab));
  const started: Partial<Record<End, RunningExporter>> = {};
  const stop = async () => {
    await Promise.all(Object.values(started).map((exporter) => exporter.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  const start = async (end: End) => {
    const exporter = await startExporter({
      prefix: lab[end].prefix,
      args: [...args, ...(end === 'server' ? ['--config.file', configuration] : [])],
    });
    started[end] = exporter;
    return exporter;
  };
  const results = await Promise.allSettled(ENDS.map(start));
  const failed = results.find((result) => result.status === 'rejected');
  const [client, server] = ENDS.map((end) => started[end]);
  if (failed !== undefined || client === undefined || server === undefined) {
    await stop();
    throw failed?.reason;
  }
  return {
    urls: { client: client.url, server: server.url },
    scrape: async () => {
      const [atClient, atServer] = await Promise.all([
        scrapeIn(lab.client, client.url),
        scrapeIn(lab.server, server.url),
      ]);
      return { client: atClient, server: atServer };
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
