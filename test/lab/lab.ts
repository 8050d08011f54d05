import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasNetem } from './available.ts';
import { Host, type Limits } from './host.ts';
import { Link } from './link.ts';
import { type LinkPlan, type LinkSpec, planLinks } from './links.ts';
import { type Iperf3Options, type Iperf3Result, iperf3, type PingOptions, type PingResult, ping } from './measure.ts';
import { claimLab, labDirectory, releaseLab, sweepLeftovers } from './registry.ts';
import type { Sizes } from './traffic/protocol.ts';
import { startTraffic, type Traffic, type TrafficOptions, type TransferResult } from './traffic/traffic.ts';

/** What a lab is made of. */
export interface LabOptions {
  readonly links: readonly LinkSpec[];
  /** Of both hosts; default 8 subflows, 8 announced addresses (the kernel's maximum). */
  readonly limits?: Partial<Limits>;
  /** Set in both namespaces on top of the lab's own; throws when the kernel lacks one. */
  readonly sysctls?: Readonly<Record<string, string | number>>;
}

/** Two hosts joined by N links, in namespaces of their own; nothing outside of them is touched. */
export class Lab {
  /** Unique on this machine: owner's pid, its start time, a random part. */
  readonly id: string;
  readonly client: Host;
  readonly server: Host;
  readonly links: readonly Link[];

  constructor(id: string, client: Host, server: Host, links: readonly Link[]) {
    this.id = id;
    this.client = client;
    this.server = server;
    this.links = links;
  }

  /** A link by its name; throws when there is none. */
  link(name: string): Link {
    const found = this.links.find(({ plan }) => plan.name === name);
    if (found === undefined) throw new Error(`the lab has no link "${name}"`);
    return found;
  }

  /** Opens connections between the hosts, moves counted bytes over them and leaves them to the test until it finishes them. */
  startTraffic(options: TrafficOptions): Promise<Traffic> {
    return startTraffic(this, options);
  }

  /** Moves bytes from beginning to end, and gives what both applications counted. */
  async transfer(options: TrafficOptions & { readonly bytes: number | Sizes }): Promise<TransferResult> {
    return (await startTraffic(this, options)).finish();
  }

  /** One iperf3 run from client to server, over MPTCP unless said otherwise. */
  iperf3(options: Iperf3Options = {}): Promise<Iperf3Result> {
    return iperf3(this, options);
  }

  /** Pings the server from the client over one link. */
  ping(link: string, options: PingOptions = {}): Promise<PingResult> {
    return ping(this, link, options);
  }

  /** Kills what runs in the namespaces and removes them and everything in them; again is harmless. */
  async close(): Promise<void> {
    releaseLab(this.id);
    await Promise.all([this.client.killAll(), this.server.killAll()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Makes a lab, after removing what labs of dead processes left. Throws, leaving nothing behind, when the machine cannot;
 * `labUnavailable()` tells beforehand.
 */
export async function createLab(options: LabOptions): Promise<Lab> {
  sweepLeftovers();
  const plans = planLinks(options.links, await hasNetem());
  const id = claimLab();
  const lab = assemble(id, plans);
  const { client, server, links } = lab;
  try {
    writeFileSync(planFile(id), JSON.stringify(plans));
    await Promise.all([client.create(options.sysctls ?? {}), server.create(options.sysctls ?? {})]);
    await Promise.all(links.map((link) => link.create()));
    const limits = { subflows: 8, addAddrAccepted: 8, ...options.limits };
    // The server first: a link has carrier when both ends are up, and the client's routes need it.
    await server.configure(limits);
    await client.configure(limits);
    return lab;
  } catch (error) {
    await lab.close();
    throw error;
  }
}

const planFile = (id: string): string => join(labDirectory(id), 'links.json');

/** The links of a lab of any process; throws when there is no such lab or it is still being made. */
export const plannedLinks = (id: string): LinkPlan[] => JSON.parse(readFileSync(planFile(id), 'utf8')) as LinkPlan[];

/** A running lab that another process made and will close; never close it from here. Throws when there is none. */
export const attachLab = (id: string): Lab => assemble(id, plannedLinks(id));

function assemble(id: string, plans: readonly LinkPlan[]): Lab {
  const [client, server] = [new Host(id, 'client', plans), new Host(id, 'server', plans)];
  const links = plans.map((plan) => new Link(id, client, server, plan));
  return new Lab(id, client, server, links);
}
