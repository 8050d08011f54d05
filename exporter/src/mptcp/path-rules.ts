import ipaddr from 'ipaddr.js';
import type { PathRule } from './model.ts';

/** What a rule is matched against; the interface is absent when none owns the local address. */
export interface PathCandidate {
  readonly interfaceName?: string;
  readonly local: string;
  readonly remote?: string;
}

/** Finds the rule that names a candidate's path; the first match wins. */
export type PathMatcher = (candidate: PathCandidate) => PathRule | undefined;

/** A path of this name holds subflows whose interface could not be learnt and that no rule names. */
export const UNKNOWN_PATH = 'unknown';

/** More addresses than this are not remembered between two clearings of a matcher's cache. */
const CACHE_LIMIT = 20_000;

type AddressTest = (address: string) => boolean;

/** Parses each address once, since a server sees the same few thousand at every look. */
function cidrTest(cidrs: string | readonly string[]): AddressTest {
  const ranges = [cidrs].flat().map((cidr) => (cidr.includes('/') ? ipaddr.parseCIDR(cidr) : hostRange(cidr)));
  const known = new Map<string, boolean>();
  return (address) => {
    let inside = known.get(address);
    if (inside === undefined) {
      const parsed = ipaddr.isValid(address) ? ipaddr.process(address) : undefined;
      inside = ranges.some((range) => parsed?.kind() === range[0].kind() && parsed.match(range));
      if (known.size >= CACHE_LIMIT) known.clear();
      known.set(address, inside);
    }
    return inside;
  };
}

function hostRange(address: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const parsed = ipaddr.process(address);
  return [parsed, parsed.kind() === 'ipv4' ? 32 : 128];
}

/**
 * Compiles rules into a matcher. `local` and `remote` are CIDRs or single addresses, already validated by the
 * configuration; ipaddr.js throws its own error on others.
 */
export function pathMatcher(rules: readonly PathRule[]): PathMatcher {
  const compiled = rules.map((rule) => ({
    rule,
    local: rule.local === undefined ? undefined : cidrTest(rule.local),
    remote: rule.remote === undefined ? undefined : cidrTest(rule.remote),
  }));
  return ({ interfaceName, local, remote }) =>
    compiled.find(
      (entry) =>
        (entry.rule.interface === undefined || entry.rule.interface === interfaceName) &&
        (entry.local === undefined || entry.local(local)) &&
        (entry.remote === undefined || (remote !== undefined && entry.remote(remote))),
    )?.rule;
}
