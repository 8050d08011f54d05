import { promisify } from 'node:util';
import { constants, gzip, gzipSync } from 'node:zlib';
import type { Request, RequestHandler, Response } from 'express';
import { ExporterError } from '../errors.ts';
import { answer } from './answer.ts';

/** Takes a reading and renders it as an exposition, within `timeoutMs` if the scraper said how long it waits. */
export type Scrape = (request: { readonly timeoutMs?: number }) => Promise<{
  readonly contentType: string;
  readonly body: string | Buffer;
  /** Called when the body is not needed any more. */
  readonly release?: () => void;
}>;

/** Scrapes answered at once, as node_exporter's --web.max-requests. */
const MAXIMUM_IN_FLIGHT = 40;

/** Part of the scraper's patience that is left for the way there and back: a tenth, at most this many milliseconds. */
const MAXIMUM_MARGIN_MS = 500;

/** Longest patience believed, in seconds. */
const MAXIMUM_TIMEOUT_SECONDS = 3600;

const compressInPool = promisify(gzip);

/** Up to here compressing takes a few milliseconds, which is less than a busy machine takes to switch to the thread pool and back. */
const COMPRESSED_AT_ONCE_BYTES = 1_000_000;

/** The text shrinks to a tenth: one piece of output as a rule. */
const CHUNK_BYTES = 128 * 1024;

async function compressed(body: string | Buffer): Promise<Buffer> {
  const options = { level: constants.Z_BEST_SPEED, chunkSize: CHUNK_BYTES };
  return body.length <= COMPRESSED_AT_ONCE_BYTES ? gzipSync(body, options) : compressInPool(body, options);
}

/** Answers `/metrics`; passes ExporterError `overloaded` on when too many scrapes are open. */
export function metricsRoute(scrape: Scrape): RequestHandler {
  let inFlight = 0;
  return async (request: Request, response: Response) => {
    if (inFlight >= MAXIMUM_IN_FLIGHT) {
      throw new ExporterError('overloaded', `more than ${MAXIMUM_IN_FLIGHT} scrapes at once`);
    }
    inFlight += 1;
    // `close` comes once, also after an error or when the scraper has gone: a slow reader keeps its place until then.
    response.once('close', () => {
      inFlight -= 1;
    });
    const timeoutMs = scrapeTimeoutMs(request.get('X-Prometheus-Scrape-Timeout-Seconds'));
    const { contentType, body, release } = await scrape(timeoutMs === undefined ? {} : { timeoutMs });
    if (release !== undefined) onceClosed(response, release);
    response.vary('Accept-Encoding');
    if (request.acceptsEncodings('gzip', 'identity') !== 'gzip') return answer(response, 200, contentType, body);
    response.set('Content-Encoding', 'gzip');
    answer(response, 200, contentType, await compressed(body));
  };
}

/** Also when the scraper has gone before there was an answer. */
function onceClosed(response: Response, act: () => void): void {
  if (response.closed) act();
  else response.once('close', act);
}

/** Milliseconds a scrape may take by the scraper's header; undefined when it says nothing sensible. */
export function scrapeTimeoutMs(header: string | undefined): number | undefined {
  const seconds = /^\d{1,9}(?:\.\d{1,9})?$/.test(header ?? '') ? Number(header) : 0;
  if (seconds <= 0 || seconds > MAXIMUM_TIMEOUT_SECONDS) return undefined;
  const milliseconds = seconds * 1000;
  return milliseconds - Math.min(MAXIMUM_MARGIN_MS, milliseconds / 10);
}
