import type { Lab } from '../lab.ts';
import { type AppliedFault, applied } from './fault.ts';

/** Addresses without port, without `%device` and without IPv6's mapping of IPv4. */
const plain = (endpoint: string): string =>
  endpoint
    .replace(/:\d+$/, '')
    .replace(/%[^\]]+/, '')
    .replace(/^\[(?:::ffff:)?(.*)\]$/, '$1');

const port = (endpoint: string): string => endpoint.slice(endpoint.lastIndexOf(':') + 1);

/**
 * One established subflow of the client's address on the link is reset: `at` names the end whose kernel is told to
 * (`ss -K`), the other end receives the RST. Throws when there is none, or when the kernel cannot (CONFIG_INET_DIAG_DESTROY).
 */
export async function subflowReset(lab: Lab, link: string, at: 'client' | 'server' = 'server'): Promise<AppliedFault> {
  const { ipv4, ipv6 } = lab.link(link).plan.client;
  const host = lab[at];
  const subflows = async () =>
    (await host.exec('ss', ['-tinHO', 'state', 'established']))
      .split('\n')
      .filter((line) => line.includes('tcp-ulp-mptcp'))
      .map((line) => line.trim().split(/\s+/).slice(2, 4) as [string, string])
      .filter(([local, remote]) => [ipv4, ipv6].includes(plain(at === 'client' ? local : remote)));
  const [chosen] = await subflows();
  if (chosen === undefined) throw new Error(`no established subflow of the client's addresses on "${link}"`);
  const [local, remote] = chosen;
  const ports = ['sport', '=', `:${port(local)}`, 'and', 'dport', '=', `:${port(remote)}`];
  await host.exec('ss', ['-tKnH', 'state', 'established', ...ports]);
  const fault = applied(lab, { name: 'subflow-reset', link, detail: `${local} to ${remote}, told to the ${at}` });
  const left = await subflows();
  if (left.some(([a, b]) => a === local && b === remote))
    throw new Error(`the kernel cannot reset ${local} to ${remote} (CONFIG_INET_DIAG_DESTROY)`);
  return fault;
}
