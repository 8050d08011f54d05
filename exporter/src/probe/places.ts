import type { NetworkInterface, PathRule, Snapshot } from '../mptcp/model.ts';
import { pathMatcher } from '../mptcp/path-rules.ts';
import type { PathPlace } from './probe.ts';

/** Most paths of one look that are probed. */
const MOST_PLACES = 32;

/** Says where the paths are in a look. */
export type PlacesOf = (snapshot: Snapshot) => readonly PathPlace[];

/**
 * Compiles the configured paths. A path without interface and local addresses has no place, since nothing tells where it
 * leaves. Without any configured path, each interface that MPTCP uses, has an endpoint on, or a probe names in its `paths` is
 * one of the same name: the interface that connections begin on has no endpoint as a rule, and is not used while there are none.
 */
export function placesBy(rules: readonly PathRule[], named: ReadonlySet<string> = new Set()): PlacesOf {
  if (rules.length === 0) return (snapshot) => discovered(snapshot, named);
  const finders = rules
    .filter((rule) => rule.interface !== undefined || rule.local !== undefined)
    .slice(0, MOST_PLACES)
    .map((rule) => {
      // A remote criterion says nothing here: a target may be anywhere.
      const { remote: _, ...local } = rule;
      const match = pathMatcher([local]);
      return {
        rule,
        owns: (interfaceName: string, address: string) => match({ interfaceName, local: address }) !== undefined,
      };
    });
  return ({ interfaces }) => {
    return finders.map(({ rule, owns }): PathPlace => {
      const found = (interfaces.value ?? [])
        .filter(({ loopback }) => !loopback)
        .map((one) => ({ one, addresses: usable(one).filter((address) => owns(one.name, address)) }))
        .filter(({ one, addresses }) => addresses.length > 0 || one.name === rule.interface)
        .sort((a, b) => fitness(b) - fitness(a))[0];
      return placed(rule.name, found?.one, found?.addresses ?? [], rule.metered ?? false);
    });
  };
}

function discovered({ paths, interfaces }: Snapshot, named: ReadonlySet<string>): readonly PathPlace[] {
  const used = new Set(
    paths.filter((path) => path.endpointIds.length > 0 || path.backup !== undefined).map(({ name }) => name),
  );
  return (interfaces.value ?? [])
    .filter(({ loopback, name }) => !loopback && (used.has(name) || named.has(name)))
    .slice(0, MOST_PLACES)
    .map((one) => placed(one.name, one, usable(one), false));
}

function placed(
  path: string,
  one: NetworkInterface | undefined,
  addresses: readonly string[],
  metered: boolean,
): PathPlace {
  const canCarry = one !== undefined && one.up !== false && one.carrier !== false;
  return { path, ...(canCarry && { interfaceName: one.name }), addresses: canCarry ? addresses : [], metered };
}

/** Of several interfaces that fit a path, the one to leave by. */
function fitness({
  one,
  addresses,
}: {
  readonly one: NetworkInterface;
  readonly addresses: readonly string[];
}): number {
  return (one.up === false || one.carrier === false ? 0 : 2) + (addresses.length > 0 ? 1 : 0);
}

/** Addresses that something beyond the link can answer to. */
function usable({ addresses }: NetworkInterface): string[] {
  return addresses
    .filter(({ address, scope }) =>
      scope === undefined ? !/^(fe[89ab]|169\.254\.)/i.test(address) : scope === 'global',
    )
    .map(({ address }) => address);
}
