import type { IncomingMessage } from 'node:http';
import { RateLimit } from './pace.ts';
import { Authority } from './protocol/authorization.ts';
import type { Refusal } from './protocol/routes.ts';

/** Decides about requests before anything is done for them. */
export class Gate {
  readonly #authority: Authority | undefined;
  readonly #rate: RateLimit;

  /** Without a token everybody is let in. */
  constructor(token: string | undefined, requestsPerSecond: number) {
    this.#authority = token === undefined ? undefined : new Authority(token);
    this.#rate = new RateLimit(requestsPerSecond);
  }

  /** Why the request is refused, or undefined; each counts. */
  refuse({ method = '', url = '', headers }: IncomingMessage): Refusal | undefined {
    const now = Date.now() / 1000;
    switch (this.#authority?.check(headers.authorization, { method, target: url }, now)) {
      case 'unauthorized':
        return { reason: 'unauthorized', message: 'the request is not signed with the token of this reflector' };
      case 'clock': {
        const words = `signed with the right token, but at a time more than five minutes from the reflector's clock`;
        return { reason: 'clock', message: `${words}, which says ${new Date(now * 1000).toISOString()}` };
      }
      default: // Only those who may ask take up the allowance.
        if (this.#rate.pass(performance.now() / 1000)) return undefined;
        return { reason: 'too_many_requests', message: 'more requests within a second than this reflector allows' };
    }
  }
}
