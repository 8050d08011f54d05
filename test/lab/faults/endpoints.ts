import type { Host } from '../host.ts';
import type { Lab } from '../lab.ts';
import type { EndpointFlag } from '../links.ts';
import { type AppliedFault, applied } from './fault.ts';

/** An endpoint of the in-kernel path manager, as `ip -j mptcp endpoint` prints it. */
export type Endpoint = { readonly address: string; readonly id: number } & Partial<Record<EndpointFlag, true>>;

const FLAGS: readonly EndpointFlag[] = ['subflow', 'backup', 'fullmesh', 'signal'];

/** The client's endpoints with the link's addresses, IPv4 before IPv6. */
export async function endpointsOf(lab: Lab, link: string): Promise<readonly Endpoint[]> {
  const { ipv4, ipv6 } = lab.link(link).plan.client;
  const all = JSON.parse(await lab.client.exec('ip', ['-j', 'mptcp', 'endpoint', 'show'])) as Endpoint[];
  return [ipv4, ipv6].flatMap((address) => all.filter((endpoint) => endpoint.address === address));
}

/** The `ip` commands that remove endpoints. */
export const removal = (endpoints: readonly Endpoint[]): string[] =>
  endpoints.map(({ id }) => `mptcp endpoint delete id ${id}`);

/** The `ip` commands that make endpoints with the ids and flags they had; the kernel then adds subflows to open connections. */
export const addition = (link: string, endpoints: readonly Endpoint[]): string[] =>
  endpoints.map((endpoint) => {
    const flags = FLAGS.filter((flag) => endpoint[flag]);
    return `mptcp endpoint add ${endpoint.address} id ${endpoint.id} dev ${link} ${flags.join(' ')}`;
  });

const OTHER_ID = 100;

/**
 * The same endpoints under ids of their own. Deleted and added at once under the same id, one may be without its subflow for
 * good: the join can overtake the withdrawal, which the other end then takes for the new subflow's.
 */
export const renumbered = (endpoints: readonly Endpoint[]): readonly Endpoint[] =>
  endpoints.map((one) => ({ ...one, id: one.id > OTHER_ID ? one.id - OTHER_ID : one.id + OTHER_ID }));

/** The client's endpoints on a link are deleted, and their subflows with them. Throws when the link has none, as the first. */
export async function endpointDeleted(lab: Lab, link: string): Promise<AppliedFault> {
  const endpoints = await endpointsOf(lab, link);
  if (endpoints.length === 0) throw new Error(`the client has no endpoint on "${link}"`);
  await lab.client.batch('ip', removal(endpoints));
  return applied(lab, {
    name: 'endpoint-deleted',
    link,
    undo: () => lab.client.batch('ip', addition(link, endpoints)),
  });
}

/** Neither end, or only one, may have more than `subflows` additional subflows per connection; open connections keep what they have. */
export async function limitsReached(
  lab: Lab,
  subflows = 0,
  hosts: readonly Host[] = [lab.client, lab.server],
): Promise<AppliedFault> {
  const before = await Promise.all(hosts.map((host) => host.exec('ip', ['mptcp', 'limits', 'show'])));
  const set = (host: Host, limits: string) => host.batch('ip', [`mptcp limits set ${limits}`]);
  await Promise.all(hosts.map((host) => set(host, `subflows ${subflows} add_addr_accepted 0`)));
  return applied(lab, {
    name: 'limits-reached',
    undo: async () => {
      await Promise.all(hosts.map((host, index) => set(host, (before[index] ?? '').trim())));
    },
  });
}
