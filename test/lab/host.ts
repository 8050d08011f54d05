import type { Addresses, EndpointFlag, LinkPlan } from './links.ts';
import { LabProcess } from './process.ts';
import { LINK_GROUP, namespaceName } from './registry.ts';
import { type RunOptions, run } from './run.ts';
import { labSysctls } from './sysctls.ts';

/** An interface's own byte and packet counters, headers included. */
export interface InterfaceCounters {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly sentPackets: number;
  readonly receivedPackets: number;
}

/** Most subflows and announced addresses a connection may take up (`ip mptcp limits`). */
export interface Limits {
  readonly subflows: number;
  readonly addAddrAccepted: number;
}

const FIRST_TABLE = 100;

/** One end of a lab: a network namespace and what runs in it. */
export class Host {
  readonly role: 'client' | 'server';
  /** As `ip netns` names it. */
  readonly namespace: string;
  /** By link name. */
  readonly addresses: Readonly<Record<string, Addresses>>;
  readonly #links: readonly LinkPlan[];
  readonly #processes = new Set<LabProcess>();

  constructor(id: string, role: 'client' | 'server', links: readonly LinkPlan[]) {
    this.role = role;
    this.namespace = namespaceName(id, role);
    this.addresses = Object.fromEntries(links.map((link) => [link.name, link[role]]));
    this.#links = links;
  }

  /** What to put before a command so that it runs in the namespace. */
  get prefix(): readonly string[] {
    return ['ip', 'netns', 'exec', this.namespace];
  }

  /** Runs a program in the namespace to its end and gives its standard output; throws when it fails. */
  exec(program: string, args: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    return run('ip', ['netns', 'exec', this.namespace, program, ...args], options);
  }

  /** Starts a program in the namespace; it is killed when the lab closes. */
  spawn(program: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): LabProcess {
    const child = new LabProcess('ip', ['netns', 'exec', this.namespace, program, ...args], env);
    this.#processes.add(child);
    void child.exited.then(() => this.#processes.delete(child));
    return child;
  }

  /** Kills what was started here, also what has not yet entered the namespace, and waits for its end. */
  async killAll(): Promise<void> {
    await Promise.all([...this.#processes].map((child) => child.stop('SIGKILL')));
  }

  /** The address of this host on a link; throws when the link does not exist or has no such address. */
  address(link: string, family: 4 | 6 = 4): string {
    const addresses = this.addresses[link];
    if (addresses === undefined) throw new Error(`the lab has no link "${link}"`);
    if (family === 4) return addresses.ipv4;
    if (addresses.ipv6 === undefined) throw new Error(`the link "${link}" has no IPv6`);
    return addresses.ipv6;
  }

  /** Reads a link's counters (`ip -s link`, 64 bits). */
  async counters(link: string): Promise<InterfaceCounters> {
    const parsed: unknown = JSON.parse(
      await run('ip', ['-n', this.namespace, '-s', '-j', 'link', 'show', 'dev', link]),
    );
    const [{ stats64 }] = parsed as [{ stats64: Record<'rx' | 'tx', { bytes: number; packets: number }> }];
    return {
      sentBytes: stats64.tx.bytes,
      receivedBytes: stats64.rx.bytes,
      sentPackets: stats64.tx.packets,
      receivedPackets: stats64.rx.packets,
    };
  }

  /** The hardware address of a link's interface here (`ip link`). */
  async hardwareAddress(link: string): Promise<string> {
    const [{ address }] = JSON.parse(await run('ip', ['-n', this.namespace, '-j', 'link', 'show', 'dev', link])) as [
      { address: string },
    ];
    return address;
  }

  /** Runs many `ip` or `tc` commands in the namespace at once, `flags` in front of all; throws when one fails. */
  async batch(program: 'ip' | 'tc', commands: readonly string[], flags: readonly string[] = []): Promise<void> {
    if (commands.length === 0) return;
    await run(program, [...flags, '-n', this.namespace, '-batch', '-'], { input: `${commands.join('\n')}\n` });
  }

  /** Makes the namespace, with its own settings; the links come later. */
  async create(sysctls: Readonly<Record<string, string | number>>): Promise<void> {
    await run('ip', ['netns', 'add', this.namespace]);
    const pairs = (settings: Readonly<Record<string, string | number>>) =>
      Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    // -e: an older kernel may lack some of ours; the caller's own must exist.
    await this.exec('sysctl', ['-e', '-q', '-w', ...pairs(labSysctls())]);
    if (Object.keys(sysctls).length > 0) await this.exec('sysctl', ['-q', '-w', ...pairs(sysctls)]);
  }

  /** Gives the links, which exist by now, their addresses, routes and MPTCP endpoints. */
  async configure(limits: Limits): Promise<void> {
    await this.batch('ip', [
      'link set dev lo up',
      ...this.#links.flatMap((link) => addressing(link, this.role)),
      `mptcp limits set subflows ${limits.subflows} add_addr_accepted ${limits.addAddrAccepted}`,
      ...this.#links.flatMap((link) => endpoints(link, this.role)),
    ]);
    if (this.role === 'server') return;
    for (const family of [4, 6] as const) {
      await this.batch(
        'ip',
        this.#links.flatMap((link) => sourceRule(link, family)),
        [`-${family}`],
      );
      await this.batch(
        'ip',
        this.#links.flatMap((link) => routes(link, family)),
        [`-${family}`],
      );
    }
  }

  /** Brings a link's interface up again with its addresses and routes, as the network's manager would; `device` when it has another name now. */
  async restore(link: LinkPlan, device: string = link.name): Promise<void> {
    await this.batch('ip', addressing(link, this.role, device));
    if (this.role === 'server') return;
    for (const family of [4, 6] as const) await this.batch('ip', routes(link, family, device), [`-${family}`]);
  }
}

function addressing(link: LinkPlan, role: 'client' | 'server', device: string = link.name): string[] {
  const { ipv4, ipv6 } = link[role];
  return [
    // Without segmentation offload the counters count what a wire would carry, headers of each packet included.
    `link set dev ${device} group ${LINK_GROUP} gso_max_segs 1`,
    `address replace ${ipv4}/24 dev ${device}`,
    ...(ipv6 === undefined ? [] : [`address replace ${ipv6}/64 dev ${device} nodad`]),
    `link set dev ${device} up`,
  ];
}

/** The client's routing table for what is sent from a link's address. */
export const sourceTable = ({ index }: LinkPlan): number => FIRST_TABLE + index;

/** What is sent from a link's address leaves by that link, whichever of the server's addresses it is for. */
function sourceRule(link: LinkPlan, family: 4 | 6): string[] {
  const from = family === 4 ? link.client.ipv4 : link.client.ipv6;
  return from === undefined ? [] : [`rule add from ${from} table ${sourceTable(link)}`];
}

/** The `ip` commands for the client's routes over a link; again is harmless. */
export function routes(link: LinkPlan, family: 4 | 6, device: string = link.name): string[] {
  const via = family === 4 ? link.server.ipv4 : link.server.ipv6;
  if (via === undefined) return [];
  const table = sourceTable(link);
  return [
    `route replace default via ${via} dev ${device} table ${table}`,
    // As DHCP does with several uplinks: a socket bound to the device, without an address, gets out too.
    `route replace default via ${via} dev ${device} metric ${table}`,
  ];
}

function endpoints(link: LinkPlan, role: 'client' | 'server'): string[] {
  const flags: readonly EndpointFlag[] = role === 'client' ? link.endpoint : link.announce ? ['signal'] : [];
  if (flags.length === 0) return [];
  const { ipv4, ipv6 } = link[role];
  return [ipv4, ipv6].flatMap((address) =>
    address === undefined ? [] : [`mptcp endpoint add ${address} dev ${link.name} ${flags.join(' ')}`],
  );
}
