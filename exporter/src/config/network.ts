import ipaddr from 'ipaddr.js';

/**
 * A network as the user writes it, CIDR or single address, v4 or v6, in CIDR form: `192.0.2.7` is `192.0.2.7/32`.
 * Undefined when it is none, has a zone, or is IPv4-mapped, which no socket address of ours ever is.
 */
export function asNetwork(text: string): string | undefined {
  if (text.includes('%')) return undefined;
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return `${text}/32`;
  if (ipaddr.IPv4.isValidCIDRFourPartDecimal(text)) return text;
  const network = text.includes('/') ? text : `${text}/128`;
  if (!ipaddr.IPv6.isValidCIDR(network)) return undefined;
  return ipaddr.IPv6.parseCIDR(network)[0].isIPv4MappedAddress() ? undefined : network;
}
