import type { Response } from 'express';

/** Ends a response with a whole body; nothing of ours is worth keeping in a cache. HEAD gets the same headers. */
export function answer(response: Response, status: number, contentType: string, body: string | Buffer): void {
  response.status(status);
  response.set({
    'Content-Type': contentType,
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(body);
}

/** Ends a response with one line of text. */
export function answerLine(response: Response, status: number, line: string): void {
  answer(response, status, 'text/plain; charset=utf-8', `${line}\n`);
}
