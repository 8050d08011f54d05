import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { routes, sourceTable } from '../host.ts';
import type { Lab } from '../lab.ts';
import { NAMESPACES, namespaceName } from '../registry.ts';
import { run } from '../run.ts';
import { addition, type Endpoint, endpointsOf, removal, renumbered } from './endpoints.ts';
import { type AppliedFault, applied } from './fault.ts';

/** The client's interface goes down (`ip link set down`): no carrier, its IPv6 addresses and all its routes gone. */
export async function carrierLost(lab: Lab, link: string): Promise<AppliedFault> {
  const { plan } = lab.link(link);
  await lab.client.batch('ip', [`link set dev ${link} down`]);
  return applied(lab, { name: 'carrier-lost', link, undo: () => lab.client.restore(plan) });
}

/** The cable is pulled out of the client: its interface stays up and keeps its addresses, but has no carrier. */
export async function cablePulled(lab: Lab, link: string): Promise<AppliedFault> {
  const { emulation } = lab.link(link).plan;
  // Half of a veth pair has carrier when the other half is up.
  if (emulation !== 'vde') return { ...(await farEndUnplugged(lab, link)), name: 'cable-pulled' };
  await lab.client.batch('ip', [`link set dev ${link} carrier off`]);
  return applied(lab, {
    name: 'cable-pulled',
    link,
    undo: () => lab.client.batch('ip', [`link set dev ${link} carrier on`]),
  });
}

/** The server's interface goes down. A client behind a switch (VDE) keeps its carrier; one on the same cable (veth) loses it. */
export async function farEndUnplugged(lab: Lab, link: string): Promise<AppliedFault> {
  const { plan } = lab.link(link);
  await lab.server.batch('ip', [`link set dev ${link} down`]);
  return applied(lab, {
    name: 'far-end-unplugged',
    link,
    undo: async () => {
      await lab.server.restore(plan);
      await lab.client.restore(plan);
    },
  });
}

/** The client's interface gets another name while it is in use, as udev does when an adapter is recognised late. */
export async function interfaceRenamed(
  lab: Lab,
  link: string,
  name = `renamed${lab.link(link).plan.index}`,
): Promise<AppliedFault> {
  const { plan } = lab.link(link);
  const rename = async (from: string, to: string) => {
    try {
      await lab.client.batch('ip', [`link set dev ${from} name ${to}`]);
    } catch {
      // Before Linux 6.2 an interface must be down to be renamed.
      await lab.client.batch('ip', [`link set dev ${from} down`, `link set dev ${from} name ${to}`]);
      await lab.client.restore(plan, to);
    }
  };
  await rename(link, name);
  return applied(lab, {
    name: 'interface-renamed',
    link,
    detail: `${link} is ${name} now`,
    undo: () => rename(name, link),
  });
}

/**
 * The client's interface is pulled out as a USB stick is, with its addresses and routes. At the end it comes back with
 * another interface index, its addresses, routes and endpoints. While it is away it waits in a namespace of the lab's own.
 */
export async function interfaceRemoved(lab: Lab, link: string): Promise<AppliedFault> {
  const { plan } = lab.link(link);
  const { client } = lab;
  const limbo = namespaceName(lab.id, 'limbo');
  const endpoints = await endpointsOf(lab, link);
  const index = (await client.exec('cat', [`/sys/class/net/${link}/ifindex`])).trim();
  if (!existsSync(join(NAMESPACES, limbo))) await run('ip', ['netns', 'add', limbo]);
  await client.batch('ip', [`link set dev ${link} netns ${limbo}`]);
  return applied(lab, {
    name: 'interface-removed',
    link,
    undo: async () => {
      await client.batch('ip', removal(endpoints));
      // Its old index is taken while it comes back: a stick never gets the same one.
      const [taken, peer] = [`taken${plan.index}`, `taken${plan.index}peer`];
      await client.batch('ip', [`link add name ${taken} index ${index} type veth peer name ${peer}`]);
      await run('ip', ['-n', limbo, 'link', 'set', 'dev', link, 'netns', client.namespace]);
      await client.batch('ip', [`link delete dev ${taken}`]);
      await client.restore(plan);
      await lab.link(link).reapply();
      // So soon after its removal an endpoint of the same number may lose its subflow again.
      await client.batch('ip', addition(link, renumbered(endpoints)));
    },
  });
}

/**
 * The link's IPv4 address is replaced by another, as when DHCP hands out a new lease: address, source rule and routes change
 * together, and the endpoint with them as a network manager that knows MPTCP does, unless it `stays`. `address` is the new one.
 */
export async function addressChanged(
  lab: Lab,
  link: string,
  endpoint: 'follows' | 'stays' = 'follows',
): Promise<AppliedFault & { readonly address: string }> {
  const { plan } = lab.link(link);
  const all = endpoint === 'stays' ? [] : await endpointsOf(lab, link);
  const endpoints = all.filter(({ address }) => address === plan.client.ipv4);
  const address = `10.77.${plan.index}.101`;
  const moved = renumbered(endpoints);
  const replace = (from: string, to: string, old: readonly Endpoint[], fresh: readonly Endpoint[]) =>
    lab.client.batch(
      'ip',
      [
        ...removal(old),
        // The last address takes the interface's routes with it.
        `address delete ${from}/24 dev ${link}`,
        `rule delete from ${from} table ${sourceTable(plan)}`,
        `address add ${to}/24 dev ${link}`,
        `rule add from ${to} table ${sourceTable(plan)}`,
        ...routes(plan, 4),
        ...addition(
          link,
          fresh.map((one) => ({ ...one, address: to })),
        ),
      ],
      ['-4'],
    );
  await replace(plan.client.ipv4, address, endpoints, moved);
  const fault = applied(lab, {
    name: 'address-changed',
    link,
    detail: `${plan.client.ipv4} is ${address} now`,
    undo: () => replace(address, plan.client.ipv4, moved, endpoints),
  });
  return { ...fault, address };
}
