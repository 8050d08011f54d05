import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { AppliedFault } from '../lab/faults/fault.ts';
import { applyFault, type FaultName } from '../lab/faults/faults.ts';
import { middleboxTable } from '../lab/faults/middlebox.ts';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import type { Traffic } from '../lab/traffic/traffic.ts';

/** The link that is broken; the other one is `eth0`. */
export const LINK = 'wlan0';

/** What `ip -j` says of an interface. */
export interface InterfaceSeen {
  readonly ifindex: number;
  readonly flags: readonly string[];
  readonly addresses: readonly string[];
}

/** What was on its way when a link broke has arrived. */
export const drained = (): Promise<void> => sleep(300);

/** Payload and headers that one end received on the broken link while `work` ran. */
export async function receivedBy(
  host: Host,
  work: () => Promise<unknown>,
): Promise<{ readonly bytes: number; readonly packets: number }> {
  const before = await host.counters(LINK);
  await work();
  const after = await host.counters(LINK);
  return {
    bytes: after.receivedBytes - before.receivedBytes,
    packets: after.receivedPackets - before.receivedPackets,
  };
}

/** A lab of two links of which one is broken and mended, and what the tests ask of it meanwhile. */
export class FaultStage {
  readonly lab: Lab;

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  /** Makes the lab. */
  static async open(): Promise<FaultStage> {
    const links = [
      { name: 'eth0', rateMbit: 12, delayMs: 5 },
      { name: LINK, rateMbit: 10, delayMs: 10 },
    ];
    return new FaultStage(await createLab({ links }));
  }

  /** What `ip -j` says of the link's interface at one end; undefined when there is none of that name. */
  async interfaceAt(host: Host = this.lab.client, name = LINK): Promise<InterfaceSeen | undefined> {
    const all = JSON.parse(await host.exec('ip', ['-j', 'address', 'show'])) as {
      ifname: string;
      ifindex: number;
      flags: string[];
      addr_info: { local: string }[];
    }[];
    const found = all.find(({ ifname }) => ifname === name);
    return found && { ...found, addresses: found.addr_info.map(({ local }) => local) };
  }

  /** The local addresses of the client's established subflows. */
  async subflows(): Promise<readonly string[]> {
    const text = await this.lab.client.exec('ss', ['-tinHO', 'state', 'established']);
    return text
      .split('\n')
      .filter((line) => line.includes('tcp-ulp-mptcp'))
      .map((line) => (line.trim().split(/\s+/)[2] ?? '').replace(/(%\w+)?:\d+$/, ''));
  }

  /** The client's MPTcpExt counter of that name. */
  async mib(name: string): Promise<number> {
    const text = await this.lab.client.exec('cat', ['/proc/net/netstat']);
    const [names = [], values = []] = text
      .split('\n')
      .filter((line) => line.startsWith('MPTcpExt:'))
      .map((line) => line.split(' '));
    return Number(values[names.indexOf(name)]);
  }

  /** The packets that a middlebox on the link has done something to. */
  async passedMiddlebox(name: FaultName): Promise<number> {
    const table = middleboxTable(this.lab, name, LINK);
    const listed = await this.lab.server.exec('nft', ['list', 'table', 'inet', table]);
    return Number(/counter packets (\d+)/.exec(listed)?.[1]);
  }

  /** Whether the link answers a ping. */
  async linkCarries(): Promise<boolean> {
    return (await this.lab.ping(LINK, { count: 3, intervalMs: 20 })).received > 0;
  }

  /** Traffic that fills both links, once it does. */
  async fillBoth(direction: 'up' | 'down' = 'up'): Promise<Traffic> {
    const { client, server } = this.lab;
    const traffic = await this.lab.startTraffic({ bytes: 'unlimited', direction });
    await expect.poll(() => this.subflows(), { timeout: 10_000 }).toContain(client.address(LINK));
    const receiver = direction === 'up' ? server : client;
    const arriving = async () => (await receivedBy(receiver, () => sleep(100))).bytes;
    await expect.poll(arriving, { timeout: 10_000 }).toBeGreaterThan(10_000);
    return traffic;
  }

  /** Traffic runs, the fault is applied, `during` looks; then the fault ends and the link must carry a new connection's data. */
  async underTraffic(
    name: FaultName,
    during: (traffic: Traffic, fault: AppliedFault) => Promise<unknown>,
    direction: 'up' | 'down' = 'up',
  ): Promise<void> {
    const traffic = await this.fillBoth(direction);
    try {
      const before = performance.now() / 1000;
      const fault = await applyFault(this.lab, name, LINK);
      try {
        expect(fault).toMatchObject({ name, link: LINK });
        expect(fault.appliedAt).toBeGreaterThan(before);
        expect(fault.appliedAt).toBeLessThanOrEqual(performance.now() / 1000);
        await during(traffic, fault);
      } finally {
        await fault.end();
        await fault.end();
      }
    } finally {
      await traffic.abort();
    }
    await this.worksAsBefore();
  }

  /** The link answers, and carries a good part of a new connection over both links. */
  async worksAsBefore(): Promise<void> {
    await expect.poll(() => this.linkCarries(), { timeout: 5000 }).toBe(true);
    const { bytes } = await receivedBy(this.lab.server, () => this.lab.transfer({ bytes: 1_500_000 }));
    expect(bytes, 'the link carries part of a new connection').toBeGreaterThan(150_000);
  }
}
