import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { canonicalAddress } from '../linux/address.ts';

/** A name is asked for anew after this time, while the last answer goes on being used. */
const FRESH_SECONDS = 60;

/** After a failure, not asked again before. */
const RETRY_SECONDS = 5;

/** A server of names gets this long, twice. */
const SERVER_TIMEOUT_MS = 1000;

/** Names that are remembered; the configuration has no more targets. */
const MOST_NAMES = 128;

/** Largest hosts file that is looked at, in characters. */
const HOSTS_CHARACTERS = 1 << 20;

/** Asks the servers of names for the addresses of one; rejects when there are none. */
export type Lookup = (name: string) => Promise<readonly string[]>;

interface Known {
  addresses: readonly string[];
  askedAt: number;
  failedAt: number;
  asking: Promise<void> | undefined;
}

/**
 * Finds the addresses of targets. An answer is remembered and goes on being used while the servers cannot be asked: the
 * path that leads to them may be the one that is down, which must not end the probes of the others. Never through
 * getaddrinfo(3), which holds up a thread that reading the kernel needs.
 */
export class TargetResolver {
  readonly #names = new Map<string, Known>();
  readonly #lookup: Lookup;
  readonly #now: () => number;

  /** `lookup` and `now` (seconds of a monotonic clock) exist for tests. */
  constructor(lookup: Lookup = lookUp, now: () => number = () => performance.now() / 1000) {
    this.#lookup = lookup;
    this.#now = now;
  }

  /** IPv4 addresses first; none when the name has none or cannot be asked for. Waits only for a name's first answer. */
  async addresses(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [canonicalAddress(host)];
    const known = this.#entry(host);
    const now = this.#now();
    if (now - known.askedAt >= FRESH_SECONDS && now - known.failedAt >= RETRY_SECONDS)
      known.asking ??= this.#ask(host, known);
    if (known.addresses.length === 0) await known.asking;
    return known.addresses;
  }

  /** What is known already, without asking. */
  known(host: string): readonly string[] {
    return isIP(host) === 0 ? (this.#names.get(host)?.addresses ?? []) : [canonicalAddress(host)];
  }

  async #ask(host: string, known: Known): Promise<void> {
    try {
      known.addresses = await this.#lookup(host);
      known.askedAt = this.#now();
    } catch {
      known.failedAt = this.#now();
    } finally {
      known.asking = undefined;
    }
  }

  #entry(host: string): Known {
    let known = this.#names.get(host);
    if (known === undefined) {
      const [oldest] = this.#names.keys();
      if (this.#names.size >= MOST_NAMES && oldest !== undefined) this.#names.delete(oldest);
      const never = Number.NEGATIVE_INFINITY;
      known = { addresses: [], askedAt: never, failedAt: never, asking: undefined };
      this.#names.set(host, known);
    }
    return known;
  }
}

/** The hosts file, then DNS by the servers of resolv.conf. */
async function lookUp(name: string): Promise<readonly string[]> {
  const listed = inHosts(await readFile('/etc/hosts', 'utf8').catch(() => ''), name);
  if (listed.length > 0) return listed;
  // A new one each time: the servers may have changed.
  const resolver = new Resolver({ timeout: SERVER_TIMEOUT_MS, tries: 2 });
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const addresses = answers
    .flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    .map(canonicalAddress);
  const [first] = answers;
  if (addresses.length === 0) throw first?.status === 'rejected' ? first.reason : new Error('no address');
  return addresses;
}

/** Addresses of a name in a hosts file (hosts(5)). */
export function inHosts(text: string, name: string): string[] {
  const wanted = name.toLowerCase();
  const found = text
    .slice(0, HOSTS_CHARACTERS)
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter(([address = '', ...names]) => isIP(address) !== 0 && names.some((one) => one.toLowerCase() === wanted))
    .map(([address = '']) => canonicalAddress(address));
  return [...found.filter((address) => isIP(address) === 4), ...found.filter((address) => isIP(address) === 6)];
}
