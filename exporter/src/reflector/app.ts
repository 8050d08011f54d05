import type { IncomingMessage } from 'node:http';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { Gate } from './gate.ts';
import type { ReflectorLimits } from './limits.ts';
import { PROTOCOL_VERSION, REFUSALS, type Refusal, ROUTES, VERSION_HEADER } from './protocol/routes.ts';
import type { ReflectorTally, Service } from './tally.ts';
import { type DownloadRequest, receiveUpload, sendDownload } from './transfers.ts';

/** What the application needs from the rest. */
export interface ReflectorParts {
  readonly gate: Gate;
  readonly limits: ReflectorLimits;
  readonly tally: ReflectorTally;
  /** Hears of bugs. */
  report(error: unknown): void;
}

/** The express application of a reflector: downloads and uploads, one at a time. */
export function createReflectorApp({ gate, limits, tally, report }: ReflectorParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.enable('strict routing');
  app.enable('case sensitive routing');

  let running = false;
  /** Refuses what must not run, else runs it to its end. */
  const exclusively = (service: Service, work: (request: Request, response: Response) => Promise<void>) => {
    return async (request: Request, response: Response): Promise<void> => {
      const refusal = gate.refuse(request as IncomingMessage) ?? (running ? BUSY : undefined);
      if (refusal !== undefined) {
        tally.count(service, refusal.reason);
        refuse(response, refusal);
        return;
      }
      running = true;
      try {
        await work(request, response);
      } finally {
        running = false;
      }
    };
  };

  app.use((_, response, next) => {
    response.set(VERSION_HEADER, PROTOCOL_VERSION);
    next();
  });
  app.get(
    ROUTES.download,
    exclusively('download', async (request, response) => {
      const asked = downloadRequest(queryOf(request), limits);
      if ('reason' in asked) {
        tally.count('download', asked.reason);
        refuse(response, asked);
      } else tally.count('download', await sendDownload(response, asked, limits, tally));
    }),
  );
  const upload = exclusively('upload', async (request, response) => {
    if (Number(request.get('Content-Length') ?? 0) > limits.transferBytes) {
      tally.count('upload', 'too_large');
      refuse(response, tooLarge(limits));
    } else {
      const progress = queryOf(request).has('progress');
      tally.count('upload', await receiveUpload(request, response, { progress }, limits, tally));
    }
  });
  app.post(ROUTES.upload, upload);
  app.put(ROUTES.upload, upload);
  app.use((_, response) => refuse(response, NOT_FOUND));
  app.use((caught: unknown, _request: Request, response: Response, _next: NextFunction) => {
    report(caught);
    if (response.headersSent) response.destroy();
    else response.status(500).end();
  });
  return app;
}

const BUSY: Refusal = { reason: 'busy', message: 'another transfer runs; there is one at a time' };
const NOT_FOUND: Refusal = { reason: 'not_found', message: `there are ${Object.values(ROUTES).join(', ')}` };

const tooLarge = ({ transferBytes }: ReflectorLimits): Refusal => ({
  reason: 'too_large',
  message: `more than the ${transferBytes} bytes that this reflector transfers at once`,
});

/** Answers with the reason; what is still to come of the request is not read. */
function refuse(response: Response, refusal: Refusal): void {
  const body = `${JSON.stringify(refusal)}\n`;
  response.status(REFUSALS[refusal.reason]).set({
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    Connection: 'close',
  });
  if (refusal.reason === 'busy' || refusal.reason === 'too_many_requests') response.set('Retry-After', '5');
  response.end(body);
}

function queryOf(request: Request): URLSearchParams {
  return new URLSearchParams(request.originalUrl.split('?', 2)[1] ?? '');
}

function downloadRequest(query: URLSearchParams, limits: ReflectorLimits): DownloadRequest | Refusal {
  const bytes = query.get('bytes');
  const seconds = query.get('seconds');
  const wrong =
    (bytes !== null && !/^\d{1,15}$/.test(bytes)) || (seconds !== null && !/^\d{1,6}(\.\d{1,9})?$/.test(seconds));
  if (wrong || (bytes === null && seconds === null)) {
    return { reason: 'invalid', message: 'expected ?bytes=NUMBER, ?seconds=NUMBER or both' };
  }
  if (seconds === null && Number(bytes) > limits.transferBytes) return tooLarge(limits);
  return {
    bytes: Math.min(Number(bytes ?? limits.transferBytes), limits.transferBytes),
    seconds: seconds === null ? undefined : Number(seconds),
  };
}
