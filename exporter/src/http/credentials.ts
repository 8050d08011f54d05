import { createHmac, randomBytes } from 'node:crypto';
import { ExporterError } from '../errors.ts';

/** A user and password as they came with a request. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Checks passwords; `client` is the address they come from. Throws ExporterError `overloaded` rather than queue without end. */
export type CheckCredentials = (credentials: Credentials, client: string) => Promise<boolean>;

/** Successful logins remembered. Only somebody who knows a password can fill it. */
const REMEMBERED = 100;

/** Checks waiting, in all and from one address, so that one guesser cannot take every place. */
const WAITING = 32;
const WAITING_PER_CLIENT = 4;

/** Salt and digest that no password is known for: what an unknown user's password is compared with. */
const NOBODY = 'QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi';

/** Reads an `Authorization: Basic` header (RFC 7617, UTF-8); undefined when there is none or it is malformed. */
export function basicCredentials(header: string | undefined): Credentials | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * A checker for users with bcrypt hashes. One check runs at a time, `matches` does the work; the same credentials at the same
 * time are checked once; what succeeded is remembered under a keyed digest, so that a scrape costs no bcrypt. An unknown
 * user's password is compared with a hash as dear as the dearest.
 */
export function credentialsChecker(
  users: ReadonlyMap<string, string>,
  matches: (password: string, hash: string) => Promise<boolean>,
): CheckCredentials {
  const secret = randomBytes(32);
  const remembered = new Set<string>();
  const pending = new Map<string, Promise<boolean>>();
  const waiting = new Map<string, number>();
  let last: Promise<unknown> = Promise.resolve();

  const dearest = [...users.values()]
    .map((hash) => hash.slice(4, 6))
    .sort()
    .at(-1);
  const nobody = `$2b$${dearest ?? '10'}$${NOBODY}`;

  const check = async ({ user, password }: Credentials, key: string): Promise<boolean> => {
    const hash = users.get(user);
    const right = (await matches(password, hash ?? nobody)) && hash !== undefined;
    if (right) {
      const [oldest] = remembered;
      if (remembered.size >= REMEMBERED && oldest !== undefined) remembered.delete(oldest);
      remembered.add(key);
    }
    return right;
  };

  return (credentials, client) => {
    // Looked up by a digest under a secret key, so that the time taken tells nothing about what is stored.
    const key = createHmac('sha256', secret).update(JSON.stringify(credentials)).digest('base64');
    if (remembered.has(key)) return Promise.resolve(true);
    const same = pending.get(key);
    if (same !== undefined) return same;

    const ofClient = waiting.get(client) ?? 0;
    if (pending.size >= WAITING || ofClient >= WAITING_PER_CLIENT) {
      return Promise.reject(new ExporterError('overloaded', 'too many password checks are waiting'));
    }
    waiting.set(client, ofClient + 1);
    const answer = last.then(() => check(credentials, key));
    pending.set(key, answer);
    last = answer
      .catch(() => undefined) // the request that waits for it gets the error
      .finally(() => {
        pending.delete(key);
        const left = (waiting.get(client) ?? 1) - 1;
        if (left === 0) waiting.delete(client);
        else waiting.set(client, left);
      });
    return answer;
  };
}
