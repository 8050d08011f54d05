import { type ClientRequest, type IncomingHttpHeaders, request as plainRequest, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';

/** What came back, the body as the bytes that were on the wire. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

/** Where and how to ask; `ca` makes it TLS. */
export interface Question extends RequestOptions {
  readonly port: number;
  readonly ca?: string;
  readonly maxVersion?: 'TLSv1.2';
}

/** One request on a connection of its own unless an agent is given. `started` gets it before it is answered. */
export function ask(path: string, question: Question, started?: (request: ClientRequest) => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = (question.ca === undefined ? plainRequest : tlsRequest)(
      { host: '127.0.0.1', agent: false, ...question, path },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(pieces);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, text: bytes.toString() });
        });
      },
    );
    request.on('error', reject);
    request.end();
    started?.(request);
  });
}
