import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { IDLE_SECONDS, type ReflectorLimits } from './limits.ts';
import { Pace } from './pace.ts';
import { PROGRESS_MS, type Progress } from './protocol/routes.ts';
import type { Outcome, ReflectorTally } from './tally.ts';

/** Sent over and over; random, so that nothing on the way makes it smaller. */
const BLOCK = randomBytes(64 * 1024);

/** What a download was asked for. */
export interface DownloadRequest {
  readonly bytes: number;
  /** Then it ends, in chunks; undefined: it is sent whole. */
  readonly seconds: number | undefined;
}

const monotonic = (): number => performance.now() / 1000;

/** Sends a download, no more of it in memory than a block. Resolves to how it ended, when the response has closed or ended. */
export async function sendDownload(
  response: Response,
  { bytes, seconds }: DownloadRequest,
  limits: ReflectorLimits,
  tally: ReflectorTally,
): Promise<Outcome> {
  response.status(200).set({ 'Content-Type': 'application/octet-stream', 'Cache-Control': 'no-store' });
  if (seconds === undefined) response.set('Content-Length', String(bytes));
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const limit = setTimeout(
    () => gone.abort(),
    Math.min(seconds ?? Number.POSITIVE_INFINITY, limits.transferSeconds) * 1000,
  );
  const pace = new Pace(limits.bytesPerSecond);
  let left = bytes;
  try {
    while (left > 0 && !gone.signal.aborted) {
      const block = left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
      left -= block.length;
      tally.sent('download', block.length);
      if (!response.write(block)) await once(response, 'drain', { signal: gone.signal });
      const wait = pace.take(block.length, monotonic());
      if (wait > 0.001) await sleep(wait * 1000, undefined, { signal: gone.signal });
    }
  } catch (caught) {
    if (!gone.signal.aborted) throw caught;
  } finally {
    clearTimeout(limit);
  }
  if (response.closed || response.destroyed) return 'incomplete';
  if (left > 0 && seconds === undefined) {
    response.destroy(); // so that nobody takes the part for the whole
    return 'incomplete';
  }
  response.end();
  await once(response, 'close');
  return response.writableFinished ? 'done' : 'incomplete';
}

/** Counts an upload, nothing of it kept. Resolves to how it ended, when the response has closed or ended. */
export async function receiveUpload(
  request: Request,
  response: Response,
  { progress }: { readonly progress: boolean },
  limits: ReflectorLimits,
  tally: ReflectorTally,
): Promise<Outcome> {
  response.status(200).set({ 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' });
  if (progress) response.flushHeaders();
  const upload = new Arriving();
  const pace = new Pace(limits.bytesPerSecond);
  let resume: NodeJS.Timeout | undefined;
  const report = (done?: true): string => `${JSON.stringify({ ...upload.state, ...(done && { done }) })}\n`;
  const outcome = await new Promise<Outcome>((resolve) => {
    const timer = setInterval(() => {
      if (progress) response.write(report());
      if (upload.idleSeconds > IDLE_SECONDS.transfer) end('incomplete');
      if (upload.openSeconds > limits.transferSeconds) end('incomplete');
    }, PROGRESS_MS);
    const end = (how: Outcome): void => {
      clearInterval(timer);
      clearTimeout(resume);
      request.removeAllListeners('data');
      resolve(how);
    };
    request.on('data', (chunk: Buffer) => {
      upload.add(chunk.length);
      tally.received('upload', chunk.length);
      if (upload.state.bytes > limits.transferBytes) end('too_large');
      const wait = pace.take(chunk.length, monotonic());
      if (wait < 0.001) return;
      request.pause();
      resume = setTimeout(() => request.resume(), wait * 1000);
    });
    request.once('end', () => end('done'));
    response.once('close', () => end('incomplete'));
  });
  if (outcome === 'done' || progress) response.end(report(true));
  if (outcome !== 'done') {
    // What was said must get out before the rest of the request is cut off.
    setTimeout(() => request.socket.destroy(), progress ? 1000 : 0).unref();
  }
  return outcome;
}

/** How much has arrived, and when. */
class Arriving {
  readonly #openedAt = monotonic();
  #firstAt: number | undefined;
  #lastAt = this.#openedAt;
  #bytes = 0;

  add(bytes: number): void {
    this.#lastAt = monotonic();
    this.#firstAt ??= this.#lastAt;
    this.#bytes += bytes;
  }

  get state(): Progress {
    return { bytes: this.#bytes, seconds: this.#firstAt === undefined ? 0 : monotonic() - this.#firstAt };
  }

  get idleSeconds(): number {
    return monotonic() - this.#lastAt;
  }

  get openSeconds(): number {
    return monotonic() - this.#openedAt;
  }
}
