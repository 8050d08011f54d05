import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { faultsUnavailable } from '../lab/available.ts';
import { clockEnvironment } from '../lab/faults/clock.ts';
import type { AppliedFault } from '../lab/faults/fault.ts';
import { applyFault, FAULTS, type Fault, type FaultName } from '../lab/faults/faults.ts';
import { middleboxTable } from '../lab/faults/middlebox.ts';
import { multicastOverrun } from '../lab/faults/overrun.ts';
import { subflowReset } from '../lab/faults/reset.ts';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { nodeProgram } from '../lab/node-program.ts';
import { LabProcess } from '../lab/process.ts';
import { labDirectory, processesIn } from '../lab/registry.ts';
import type { Traffic } from '../lab/traffic/traffic.ts';
import { describeLive } from '../lab/vitest.ts';
import { startExporter } from '../support/exporter.ts';
import { scrapeIn } from '../support/exposition.ts';

const CLI = new URL('../lab/cli.ts', import.meta.url);
const LINK = 'wlan0';

let lab: Lab;

/** What `ip -j` says of the link's interface at one end; undefined when there is none of that name. */
async function interfaceAt(
  host: Host,
  name = LINK,
): Promise<{ ifindex: number; flags: readonly string[]; addresses: readonly string[] } | undefined> {
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
async function subflows(): Promise<readonly string[]> {
  const text = await lab.client.exec('ss', ['-tinHO', 'state', 'established']);
  return text
    .split('\n')
    .filter((line) => line.includes('tcp-ulp-mptcp'))
    .map((line) => (line.trim().split(/\s+/)[2] ?? '').replace(/(%\w+)?:\d+$/, ''));
}

/** The client's MPTcpExt counter of that name. */
async function mib(name: string): Promise<number> {
  const text = await lab.client.exec('cat', ['/proc/net/netstat']);
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith('MPTcpExt:'))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf(name)]);
}

/** Payload and headers that one end received on the link while `work` ran. */
async function receivedBy(host: Host, work: () => Promise<unknown>): Promise<{ bytes: number; packets: number }> {
  const before = await host.counters(LINK);
  await work();
  const after = await host.counters(LINK);
  return {
    bytes: after.receivedBytes - before.receivedBytes,
    packets: after.receivedPackets - before.receivedPackets,
  };
}

const linkCarries = async () => (await lab.ping(LINK, { count: 3, intervalMs: 20 })).received > 0;

/** Traffic that fills both links, once it does. */
async function fillBoth(direction: 'up' | 'down' = 'up'): Promise<Traffic> {
  const traffic = await lab.startTraffic({ bytes: 'unlimited', direction });
  await expect.poll(subflows, { timeout: 10_000 }).toContain(lab.client.address(LINK));
  const receiver = direction === 'up' ? lab.server : lab.client;
  await expect
    .poll(async () => (await receivedBy(receiver, () => sleep(100))).bytes, { timeout: 10_000 })
    .toBeGreaterThan(10_000);
  return traffic;
}

/** Traffic runs, the fault is applied, `during` looks; then the fault ends and the link must carry a new connection's data. */
async function underTraffic(
  name: FaultName,
  during: (traffic: Traffic, fault: AppliedFault) => Promise<unknown>,
  direction: 'up' | 'down' = 'up',
): Promise<void> {
  const traffic = await fillBoth(direction);
  try {
    const before = performance.now() / 1000;
    const fault = await applyFault(lab, name, LINK);
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
  await worksAsBefore();
}

/** The link answers, and carries a good part of a new connection over both links. */
async function worksAsBefore(): Promise<void> {
  await expect.poll(linkCarries, { timeout: 5000 }).toBe(true);
  const { bytes } = await receivedBy(lab.server, () => lab.transfer({ bytes: 3_000_000 }));
  expect(bytes, 'the link carries part of a new connection').toBeGreaterThan(300_000);
}

/** What was on its way when a link broke has arrived. */
const drained = () => sleep(300);

describeLive(
  'faults on a lab of two links',
  () => {
    beforeAll(async () => {
      lab = await createLab({
        links: [
          { name: 'eth0', rateMbit: 12, delayMs: 5 },
          { name: LINK, rateMbit: 10, delayMs: 10 },
        ],
      });
    });
    afterAll(() => lab?.close());

    // First, while there has been no traffic: a server holds subflows whose end it was not told of.
    it('say what is wrong with an unknown fault, an unknown link and none', async () => {
      await expect(applyFault(lab, 'gremlins')).rejects.toThrow('there is no fault "gremlins", only carrier-lost,');
      await expect(applyFault(lab, 'loss', 'wan9')).rejects.toThrow('the lab has no link "wan9"');
      await expect(applyFault(lab, 'loss')).rejects.toThrow('which link? eth0 or wlan0');
      await expect(applyFault(lab, 'endpoint-deleted', 'eth0')).rejects.toThrow('no endpoint on "eth0"');
      await expect(applyFault(lab, 'subflow-reset', LINK)).rejects.toThrow('no established subflow');
    });

    it('carrier-lost takes the interface down, with its IPv6 address and the traffic', () =>
      underTraffic('carrier-lost', async () => {
        const found = await interfaceAt(lab.client);
        expect(found?.flags).not.toContain('UP');
        expect(found?.addresses).not.toContain(lab.client.address(LINK, 6));
        await drained();
        expect((await receivedBy(lab.server, () => sleep(500))).packets).toBe(0);
      }));

    it('cable-pulled takes the carrier and leaves the interface up, with its addresses', () =>
      underTraffic('cable-pulled', async () => {
        const found = await interfaceAt(lab.client);
        expect(found?.flags).toContain('UP');
        expect(found?.flags).not.toContain('LOWER_UP');
        expect(found?.addresses).toContain(lab.client.address(LINK));
        await drained();
        expect((await receivedBy(lab.server, () => sleep(500))).packets).toBe(0);
      }));

    it('far-end-unplugged leaves a client behind a switch its carrier, and nothing comes back', () =>
      underTraffic('far-end-unplugged', async () => {
        const behindSwitch = lab.link(LINK).plan.emulation === 'vde';
        expect((await interfaceAt(lab.client))?.flags.includes('LOWER_UP')).toBe(behindSwitch);
        await drained();
        expect((await receivedBy(lab.client, () => sleep(500))).packets).toBe(0);
      }));

    it.each(['up', 'down'] as const)(
      'blackhole is silent in both directions while traffic goes %s, and the connection goes on elsewhere',
      (direction) =>
        underTraffic(
          'blackhole',
          async (traffic) => {
            await drained();
            const before = await traffic.progress();
            const [atServer, atClient] = await Promise.all([
              receivedBy(lab.server, () => sleep(1000)),
              receivedBy(lab.client, () => sleep(1000)),
            ]);
            expect([atServer.packets, atClient.packets]).toEqual([0, 0]);
            expect(await linkCarries()).toBe(false);
            expect((await interfaceAt(lab.client))?.flags).toContain('LOWER_UP');
            // No end hears that the other is unreachable: neither by ICMP nor from its own neighbour table.
            expect(await lab.client.exec('ip', ['neighbour', 'show', 'dev', LINK, 'nud', 'failed'])).toBe('');
            const receiver = direction === 'up' ? 'server' : 'client';
            const received = async () => (await traffic.progress())[receiver].received - before[receiver].received;
            await expect.poll(received, { timeout: 10_000 }).toBeGreaterThan(100_000);
          },
          direction,
        ),
    );

    it.each([
      ['blackhole-up', 'server', 'client'],
      ['blackhole-down', 'client', 'server'],
    ] as const)('%s silences the %s, and the %s still hears', (name, deaf, hearing) =>
      underTraffic(name, async () => {
        await drained();
        const ping = (from: Host, to: Host) =>
          from.exec('sh', ['-c', `ping -n -c 5 -i 0.05 -W 1 ${to.address(LINK)} || true`]);
        const [atDeaf, atHearing] = await Promise.all([
          receivedBy(lab[deaf], () => ping(lab[hearing], lab[deaf])),
          receivedBy(lab[hearing], () => ping(lab[deaf], lab[hearing])),
        ]);
        expect(atDeaf.packets).toBe(0);
        expect(atHearing.packets).toBeGreaterThanOrEqual(5);
      }),
    );

    it('loss takes about 30 % in each direction', () =>
      underTraffic('loss', async () => {
        const { sent, received } = await lab.ping(LINK, { count: 120, intervalMs: 10 });
        // Half of the round trips; what the traffic's own queue drops comes on top.
        expect(received / sent).toBeGreaterThan(0.2);
        expect(received / sent).toBeLessThan(0.7);
      }));

    it('delay makes the round trip 500 ms longer', () =>
      underTraffic('delay', async () => {
        const { rttMs } = await lab.ping(LINK, { count: 4, intervalMs: 200 });
        expect(rttMs?.min).toBeGreaterThan(515);
        expect(rttMs?.min).toBeLessThan(900);
      }));

    it('rate-cut leaves a tenth of the rate', () =>
      underTraffic('rate-cut', async () => {
        await drained();
        const startedAt = performance.now();
        const { bytes } = await receivedBy(lab.server, () => sleep(1500));
        const mbit = (bytes * 8) / (performance.now() - startedAt) / 1000;
        expect(mbit).toBeGreaterThan(0.1);
        expect(mbit).toBeLessThan(1.5);
      }));

    it.each(['server', 'client'] as const)(
      'subflow-reset told to the %s ends one subflow for good, and the connection goes on',
      async (at) => {
        const traffic = await fillBoth();
        const counter = at === 'server' ? 'MPRstRx' : 'MPRstTx';
        const resets = await mib(counter);
        await subflowReset(lab, LINK, at);
        await expect.poll(subflows, { timeout: 3000 }).not.toContain(lab.client.address(LINK));
        expect((await mib(counter)) - resets).toBe(1);
        const before = (await traffic.progress()).server.received;
        await expect
          .poll(async () => (await traffic.progress()).server.received - before, { timeout: 10_000 })
          .toBeGreaterThan(500_000);
        expect(await subflows()).not.toContain(lab.client.address(LINK));
        await traffic.abort();
        await worksAsBefore();
      },
    );

    it('endpoint-deleted closes the subflow, and the same connection gets it back at the end', () =>
      underTraffic('endpoint-deleted', async (_, fault) => {
        await expect.poll(subflows, { timeout: 3000 }).not.toContain(lab.client.address(LINK));
        await fault.end();
        await expect.poll(subflows, { timeout: 5000 }).toContain(lab.client.address(LINK));
      }));

    it('address-changed moves the link to a new address, and back at the end', () =>
      underTraffic('address-changed', async (_, fault) => {
        const old = lab.client.address(LINK);
        const address = '10.77.2.101';
        expect(fault.detail).toBe(`${old} is ${address} now`);
        const found = await interfaceAt(lab.client);
        expect(found?.addresses).toContain(address);
        expect(found?.addresses).not.toContain(old);
        await expect.poll(subflows, { timeout: 5000 }).toContain(address);
        await expect.poll(subflows, { timeout: 5000 }).not.toContain(old);
        await fault.end();
        expect((await interfaceAt(lab.client))?.addresses).not.toContain(address);
        await expect.poll(subflows, { timeout: 5000 }).not.toContain(address);
      }));

    it('interface-renamed gives it another name while it carries on', () =>
      underTraffic('interface-renamed', async () => {
        expect(await interfaceAt(lab.client)).toBeUndefined();
        expect((await interfaceAt(lab.client, 'renamed2'))?.addresses).toContain(lab.client.address(LINK));
        await expect
          .poll(async () => (await receivedBy(lab.server, () => sleep(200))).bytes, { timeout: 10_000 })
          .toBeGreaterThan(10_000);
      }));

    it('interface-removed takes it away, and it comes back with another index and the same shape', async () => {
      const before = await interfaceAt(lab.client);
      await underTraffic('interface-removed', async () => {
        expect(await interfaceAt(lab.client)).toBeUndefined();
        await drained();
        expect((await receivedBy(lab.server, () => sleep(500))).packets).toBe(0);
      });
      const after = await interfaceAt(lab.client);
      expect(after?.ifindex).not.toBe(before?.ifindex);
      expect(after?.addresses).toEqual(expect.arrayContaining([lab.client.address(LINK), lab.client.address(LINK, 6)]));
      expect(await lab.client.exec('tc', ['qdisc', 'show', 'dev', LINK])).toContain('rate 10Mbit');
      expect(await lab.client.exec('ip', ['mptcp', 'endpoint', 'show'])).toContain(
        `${lab.client.address(LINK)} id 1 subflow dev ${LINK}`,
      );
    });

    const passedMiddlebox = async (name: FaultName) => {
      const listed = await lab.server.exec('nft', ['list', 'table', 'inet', middleboxTable(lab, name, LINK)]);
      return Number(/counter packets (\d+)/.exec(listed)?.[1]);
    };

    it('options-stripped makes a new connection over the link fall back, and leaves the old one alone', () =>
      underTraffic('options-stripped', async (traffic) => {
        const before = await mib('MPCapableFallbackSYNACK');
        const moved = (await traffic.progress()).server.received;
        const { server } = await lab.transfer({ bytes: 100_000, link: LINK, from: LINK });
        expect(server.received).toBe(100_000);
        expect((await mib('MPCapableFallbackSYNACK')) - before).toBe(1);
        expect(await passedMiddlebox('options-stripped')).toBeGreaterThan(0);
        expect((await traffic.progress()).server.received).toBeGreaterThan(moved);
      }));

    it('joins-dropped leaves joins over the link unanswered, and connections over it alone', () =>
      underTraffic('joins-dropped', async () => {
        const before = { sent: await mib('MPJoinSynTx'), answered: await mib('MPJoinSynAckRx') };
        const { server } = await lab.transfer({ bytes: 300_000 });
        expect(server.received).toBe(300_000);
        expect(await mib('MPJoinSynTx')).toBeGreaterThan(before.sent);
        expect(await mib('MPJoinSynAckRx')).toBe(before.answered);
        expect(await passedMiddlebox('joins-dropped')).toBeGreaterThan(0);
        const fallbacks = await mib('MPCapableFallbackSYNACK');
        await lab.transfer({ bytes: 1000, link: LINK, from: LINK });
        expect(await mib('MPCapableFallbackSYNACK')).toBe(fallbacks);
      }));

    it('limits-reached keeps new connections from a second subflow', async () => {
      const limits = () => lab.client.exec('ip', ['mptcp', 'limits', 'show']);
      const before = await limits();
      const fault = await applyFault(lab, 'limits-reached');
      const joins = await mib('MPJoinSynTx');
      await lab.transfer({ bytes: 1_000_000 });
      expect(await mib('MPJoinSynTx')).toBe(joins);
      await fault.end();
      expect(await limits()).toBe(before);
      await worksAsBefore();
    });

    it('server-restart kills what listens at the server, and starts it again', async () => {
      const iperf3 = lab.server.spawn('mptcpize', ['run', 'iperf3', '-s', '--forceflush', '-p', '5999']);
      await iperf3.waitForLine(/Server listening/);
      const connect = () =>
        lab.client.exec('mptcpize', ['run', 'iperf3', '-c', lab.server.address('eth0'), '-p', '5999', '-t', '1']);
      const traffic = await lab.startTraffic({ bytes: 'unlimited', rateMbit: 1 });
      const fault = await applyFault(lab, 'server-restart');
      expect((await iperf3.exited).signal).toBe('SIGKILL');
      await expect(traffic.progress()).rejects.toThrow('ended');
      await expect(connect()).rejects.toThrow('Connection refused');
      await fault.end();
      await connect();
      await worksAsBefore();
    });

    it('exporter-restart kills the exporter without a word, and starts it again with the same flags', async () => {
      await using exporter = await startExporter({
        prefix: lab.client.prefix,
        args: ['--web.listen-address=127.0.0.1:10262'],
      });
      const startedAt = async () =>
        (await scrapeIn(lab.client, 'http://127.0.0.1:10262')).value('process_start_time_seconds');
      const before = await startedAt();
      const fault = await applyFault(lab, 'exporter-restart');
      await expect(startedAt()).rejects.toThrow();
      await fault.end();
      expect(await startedAt()).toBeGreaterThan(before);
      expect((await exporter.stop()).signal).toBe('SIGKILL');
    });

    it('multicast-overrun makes more notifications than a held reader has room for', async () => {
      const monitor = lab.client.spawn('ip', ['monitor', 'link']);
      await expect.poll(() => processesIn(lab.client.namespace).includes(monitor.pid ?? 0)).toBe(true);
      await sleep(300);
      await multicastOverrun(lab, { pids: [monitor.pid ?? 0] });
      await expect.poll(() => monitor.stderr, { timeout: 5000 }).toContain('No buffer space available');
      await monitor.stop();
      await worksAsBefore();
    });

    it('clock-step moves the wall clock of a program that follows it, not its monotonic clock nor ours', async () => {
      const script = 'setInterval(() => console.log(Date.now(), performance.now()), 50)';
      const program = lab.client.spawn(process.execPath, ['-e', script], clockEnvironment(lab));
      const read = async () => {
        const line = await new Promise<string>((resolve) => {
          const stop = program.onLine((printed) => {
            stop();
            resolve(printed);
          });
        });
        const [wall = Number.NaN, monotonic = Number.NaN] = line.split(' ').map(Number);
        return { wall, monotonic };
      };
      const before = await read();
      const fault = await applyFault(lab, 'clock-step');
      await read();
      const stepped = await read();
      const passed = stepped.monotonic - before.monotonic;
      expect(passed).toBeLessThan(10_000);
      expect(stepped.wall - before.wall - passed).toBeCloseTo(3_600_000, -3);
      expect(Math.abs(Date.now() - before.wall)).toBeLessThan(60_000);
      await fault.end();
      await read();
      const after = await read();
      expect(after.wall - before.wall - (after.monotonic - before.monotonic)).toBeCloseTo(0, -3);
      await program.stop();
    });

    it('add up on one link, and each takes back only its own', async () => {
      const before = lab.link(LINK).shape;
      const loss = await applyFault(lab, 'loss', LINK);
      const delay = await applyFault(lab, 'delay', LINK);
      expect(lab.link(LINK).shape.up).toMatchObject({ lossPercent: 30, delayMs: 260 });
      await loss.end();
      expect(lab.link(LINK).shape.up).toMatchObject({ lossPercent: 0, delayMs: 260 });
      await delay.end();
      expect(lab.link(LINK).shape).toEqual(before);
    });

    it('come from the command line on a lab that another process holds, and end after --seconds', async () => {
      const [node, ...args] = nodeProgram(CLI);
      const cli = new LabProcess(node, [...args, 'fault', 'blackhole', LINK, '--seconds', '5', '--lab', lab.id]);
      await cli.waitForLine(/blackhole on wlan0/);
      expect(lab.link(LINK).shape.down.lossPercent).toBe(100);
      expect(await linkCarries()).toBe(false);
      expect(await cli.exited).toMatchObject({ code: 0 });
      expect(lab.link(LINK).shape.down.lossPercent).toBe(0);
      await worksAsBefore();
    });

    it('end on the command line at a signal, too', async () => {
      const [node, ...args] = nodeProgram(CLI);
      const cli = new LabProcess(node, [...args, 'fault', 'carrier-lost', LINK, '--lab', lab.id]);
      await cli.waitForLine(/Ctrl-C ends it/);
      expect((await interfaceAt(lab.client))?.flags).not.toContain('UP');
      expect(await cli.stop('SIGINT', 10_000)).toMatchObject({ code: 0, signal: null });
      await worksAsBefore();
    });
  },
  faultsUnavailable(),
);

describeLive(
  'a lab with a bare veth link',
  () => {
    it('says how to make a link that can lose packets', async () => {
      await using bare = await createLab({ links: [{ name: 'eth0' }] });
      await expect(applyFault(bare, 'blackhole', 'eth0')).rejects.toThrow('create it with delayMs: 0');
      await expect(applyFault(bare, 'rate-cut', 'eth0')).rejects.toThrow('create it with rateMbit');
    });

    it.each(
      Object.entries<Fault>(FAULTS)
        .map(([name]) => name as FaultName)
        .filter((name) => /carrier|cable|far-end|renamed|removed|address/.test(name)),
    )('has %s too, and carries again at its end', async (name) => {
      await using bare = await createLab({ links: [{ name: 'eth0' }, { name: LINK }] });
      const carried = async () => (await bare.ping(LINK, { count: 2, intervalMs: 20 })).received;
      const fault = await applyFault(bare, name, LINK);
      await fault.end();
      await expect.poll(carried, { timeout: 5000 }).toBe(2);
      const before = await bare.server.counters(LINK);
      await bare.transfer({ bytes: 5_000_000 });
      expect((await bare.server.counters(LINK)).receivedBytes - before.receivedBytes).toBeGreaterThan(0);
    });

    it('leaves nothing behind when it is closed with faults that have not ended, and they may still end', async () => {
      const closed = await createLab({ links: [{ name: 'eth0' }, { name: LINK, delayMs: 0 }, { name: 'usb0' }] });
      const iperf3 = closed.server.spawn('iperf3', ['-s', '--forceflush']);
      await iperf3.waitForLine(/Server listening/);
      const restarted = await applyFault(closed, 'server-restart');
      await restarted.end();
      const pids = [closed.client, closed.server].flatMap(({ namespace }) => processesIn(namespace));
      expect(pids.length).toBeGreaterThan(0);
      const faults = [
        await applyFault(closed, 'interface-removed', 'usb0'),
        await applyFault(closed, 'blackhole', LINK),
        await applyFault(closed, 'options-stripped', 'eth0'),
        await applyFault(closed, 'server-restart'),
      ];
      await closed.close();
      for (const fault of faults) await fault.end();
      expect(readdirSync('/var/run/netns').filter((name) => name.includes(closed.id))).toEqual([]);
      expect(existsSync(labDirectory(closed.id))).toBe(false);
      await expect.poll(() => pids.filter((pid) => existsSync(`/proc/${pid}`)), { timeout: 5000 }).toEqual([]);
      expect(existsSync('/sys/class/net/usb0')).toBe(false);
    });
  },
  faultsUnavailable(),
);
