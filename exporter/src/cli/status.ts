import { setTimeout as sleep } from 'node:timers/promises';
import { asExporterError } from '../errors.ts';
import { parseExposition } from '../metrics/parse.ts';
import type { BuildInfo } from '../metrics/registry.ts';
import { EXPORTER_URL, fetchExposition } from './status/exporter.ts';
import { type Status, statusOf } from './status/model.ts';
import { openOwnLook } from './status/own-look.ts';
import { statusText } from './status/words.ts';

/** How to show the status. */
export interface StatusOptions {
  readonly json: boolean;
  /** Again each second, until `stop`. */
  readonly watch: boolean;
  readonly build: BuildInfo;
  readonly stop: AbortSignal;
  /** Whether it is shown on a terminal, which is cleared before each time. */
  readonly terminal: boolean;
  readonly write: (text: string) => void;
  /** By default where an exporter listens by default. */
  readonly url?: string;
}

/** Where the status comes from, in words, and how to get it anew. */
interface Origin {
  readonly words: string;
  /** Since when it looks, in Unix time: what was so then may have been so long before. Absent for an exporter. */
  readonly sinceSeconds?: number;
  read(): Promise<string>;
  close(): Promise<void>;
}

const WATCH_MS = 1000;
const CLEAR_SCREEN = '\x1b[H\x1b[J';

/** `status`: shows what the running exporter sees, or without one what a look of its own does. Gives the exit status: 1 when MPTCP could not be read. */
export async function status(options: StatusOptions): Promise<number> {
  const origin = await openOrigin(options);
  let exitStatus: number;
  try {
    do {
      exitStatus = await show(origin, options);
    } while (options.watch && (await aSecondLater(options.stop)));
  } finally {
    await origin.close();
  }
  return exitStatus;
}

async function openOrigin({ build, url = EXPORTER_URL }: StatusOptions): Promise<Origin> {
  const exporter = { words: `the exporter at ${url}`, read: () => fetchExposition(url), close: async () => undefined };
  try {
    await exporter.read();
    return exporter;
  } catch (caught) {
    const why = asExporterError(caught).message;
    const own = await openOwnLook(build);
    return { words: `own look: ${why}`, sinceSeconds: Date.now() / 1000, ...own };
  }
}

async function show(
  { words, sinceSeconds = 0, read }: Origin,
  { json, watch, terminal, write }: StatusOptions,
): Promise<number> {
  let text: string;
  try {
    text = await read();
  } catch (caught) {
    // While watching: an exporter that is restarted answers again.
    if (!watch) throw caught;
    const { message } = asExporterError(caught);
    write(json ? `${JSON.stringify({ error: message })}\n` : `${terminal ? CLEAR_SCREEN : ''}${message}\n`);
    return 1;
  }
  const shown = withoutOlder(statusOf(parseExposition(text)), sinceSeconds);
  const now = Date.now() / 1000;
  if (json) write(`${JSON.stringify({ from: words, timeSeconds: now, ...shown })}\n`);
  else
    write(
      `${watch && terminal ? CLEAR_SCREEN : ''}${statusText(shown, words, now)}\n${watch && !terminal ? '\n' : ''}`,
    );
  return shown.up ? 0 : 1;
}

/** Leaves out since when a path is as it is, where that was not seen. */
function withoutOlder(status: Status, watchedSinceSeconds: number): Status {
  const paths = status.paths.map(({ sinceSeconds, ...path }) => ({
    ...path,
    ...(sinceSeconds !== undefined && sinceSeconds > watchedSinceSeconds && { sinceSeconds }),
  }));
  return { ...status, paths };
}

/** Waits a second; false when it was told to stop meanwhile. */
async function aSecondLater(stop: AbortSignal): Promise<boolean> {
  await sleep(WATCH_MS, undefined, { signal: stop }).catch(() => undefined);
  return !stop.aborted;
}
