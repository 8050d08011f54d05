import { networkInterfaces } from 'node:os';
import { canonicalAddress } from '../address.ts';

/** Which interface has an IPv4 address, with its prefix length. */
export interface Ipv4Owner {
  readonly interfaceName: string;
  readonly prefixLength: number;
}

/**
 * The IPv4 addresses of this machine's running interfaces, as libc tells them (getifaddrs). /proc cannot say whose an address is when
 * two interfaces share a network, as Ethernet and WiFi to one router do, or on a point-to-point link.
 */
export function ownIpv4Addresses(): ReadonlyMap<string, Ipv4Owner> {
  const owners = new Map<string, Ipv4Owner>();
  for (const [interfaceName, entries] of Object.entries(networkInterfaces())) {
    for (const { family, address, cidr } of entries ?? []) {
      if (family !== 'IPv4') continue;
      owners.set(canonicalAddress(address), { interfaceName, prefixLength: Number(cidr?.split('/', 2)[1] ?? 32) });
    }
  }
  return owners;
}
