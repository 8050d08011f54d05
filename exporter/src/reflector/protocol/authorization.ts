import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * A request proves that its sender has the token without carrying it: the way to the reflector is as a rule not encrypted,
 * and a command line can be read by every user of a machine.
 */
const SCHEME = 'MPTCP-Reflector';

/** How far the clocks of both ends may be apart, in seconds; what was overheard is worth nothing after that. */
export const CLOCK_TOLERANCE_SECONDS = 300;

/** Nonces remembered, so that a request counts once. Only who has the token makes one that is remembered. */
const REMEMBERED = 20_000;

const PATTERN = new RegExp(`^${SCHEME} time=(\\d{1,12}), nonce=([0-9a-f]{32}), tag=([0-9a-f]{64})$`);

/** What is signed of a request. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query as they stand in the request line. */
  readonly target: string;
}

/** The value of `Authorization` for one request at one time. */
export function authorize(token: string, request: SignedRequest, unixSeconds: number): string {
  const time = String(Math.floor(unixSeconds));
  const nonce = randomBytes(16).toString('hex');
  return `${SCHEME} time=${time}, nonce=${nonce}, tag=${tagOf(token, request, time, nonce).toString('hex')}`;
}

/** What a check found; `clock` is an otherwise right one from another time, `unauthorized` also one that came before. */
export type Verdict = 'ok' | 'unauthorized' | 'clock';

/** Checks the `Authorization` of requests against a token, each of which counts once. */
export class Authority {
  readonly #token: string;
  readonly #remembered: number;
  /** With the time until which they count. */
  readonly #nonces = new Map<string, number>();

  constructor(token: string, remembered = REMEMBERED) {
    this.#token = token;
    this.#remembered = remembered;
  }

  check(header: string | undefined, request: SignedRequest, unixSeconds: number): Verdict {
    const [, time, nonce, tag] = PATTERN.exec(header ?? '') ?? [];
    if (time === undefined || nonce === undefined || tag === undefined) return 'unauthorized';
    if (!timingSafeEqual(tagOf(this.#token, request, time, nonce), Buffer.from(tag, 'hex'))) return 'unauthorized';
    if (Math.abs(Number(time) - unixSeconds) > CLOCK_TOLERANCE_SECONDS) return 'clock';
    if (this.#nonces.has(nonce)) return 'unauthorized';
    this.#remember(nonce, unixSeconds);
    return 'ok';
  }

  #remember(nonce: string, unixSeconds: number): void {
    for (const [old, until] of this.#nonces) {
      if (until > unixSeconds && this.#nonces.size < this.#remembered) break;
      this.#nonces.delete(old);
    }
    this.#nonces.set(nonce, unixSeconds + 2 * CLOCK_TOLERANCE_SECONDS);
  }
}

function tagOf(token: string, { method, target }: SignedRequest, time: string, nonce: string): Buffer {
  return createHmac('sha256', token)
    .update(JSON.stringify(['request', method, target, time, nonce]))
    .digest();
}
