import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labUnavailable } from '../lab/available.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { knownLabs, labDirectory, processesIn } from '../lab/registry.ts';
import type { TrafficOptions } from '../lab/traffic/traffic.ts';
import { describeLive } from '../lab/vitest.ts';
import { running } from '../support/processes.ts';

const MEGABYTE = 1_000_000;

/** Payload in a full segment of 1500 bytes with timestamps, of what it takes on the wire. */
const PAYLOAD_SHARE = 1448 / 1514;

/** Something else on the machine may disturb one measurement, hardly three in a row. */
const MEASURED = { retry: 2 };

const namespaces = (id: string): string[] => readdirSync('/var/run/netns').filter((name) => name.includes(id));
const rootInterfaces = (): string[] => readdirSync('/sys/class/net').sort();

/** The client's MPTcpExt counters (/proc/net/netstat), by name. */
async function mptcpCounters(lab: Lab): Promise<Record<string, number>> {
  const text = await lab.client.exec('cat', ['/proc/net/netstat']);
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith('MPTcpExt:'))
    .map((line) => line.split(' ').slice(1));
  return Object.fromEntries(names.map((name, i) => [name, Number(values[i])]));
}

/** How much each link of the client sent and received while `work` ran. */
async function linkBytes(
  lab: Lab,
  work: () => Promise<unknown>,
): Promise<Record<string, { sent: number; received: number }>> {
  const read = () => Promise.all(lab.links.map(({ plan }) => lab.client.counters(plan.name)));
  const before = await read();
  await work();
  const after = await read();
  return Object.fromEntries(
    lab.links.map(({ plan }, i) => [
      plan.name,
      {
        sent: (after[i]?.sentBytes ?? 0) - (before[i]?.sentBytes ?? 0),
        received: (after[i]?.receivedBytes ?? 0) - (before[i]?.receivedBytes ?? 0),
      },
    ]),
  );
}

describeLive('a lab of two links with delay', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab({
      links: [
        { name: 'eth0', rateMbit: 93, delayMs: 5 },
        { name: 'wlan0', up: { rateMbit: 80, delayMs: 8 }, down: { rateMbit: 80, delayMs: 12 } },
      ],
    });
  });
  afterAll(() => lab?.close());

  it.each([
    ['eth0', 4, 10],
    ['wlan0', 4, 20],
    ['eth0', 6, 10],
    ['wlan0', 6, 20],
  ] as const)(
    'has on %s over IPv%i the round trip of %i ms that was asked for',
    MEASURED,
    async (link, family, expected) => {
      await lab.ping(link, { family, count: 1 });
      const { rttMs } = await lab.ping(link, { family });
      expect(rttMs?.min).toBeGreaterThan(expected * 0.95);
      expect(rttMs?.median).toBeLessThan(expected * 1.15 + 1);
    },
  );

  it.each([
    ['eth0', 'up', 93],
    ['eth0', 'down', 93],
    ['wlan0', 'up', 80],
    ['wlan0', 'down', 80],
  ] as const)(
    'carries by plain TCP on %s %s the %i Mbit/s that were asked for',
    MEASURED,
    async (link, direction, rate) => {
      const { receivedMbit } = await lab.iperf3({ link, direction, protocol: 'tcp', seconds: 2, omitSeconds: 1 });
      expect(receivedMbit / PAYLOAD_SHARE).toBeGreaterThan(rate * 0.9);
      expect(receivedMbit / PAYLOAD_SHARE).toBeLessThan(rate * 1.1);
    },
  );

  it('does not let packets queue much longer than 50 ms under load', MEASURED, async () => {
    const traffic = await lab.startTraffic({ bytes: 'unlimited', client: 'tcp', server: 'tcp' });
    const { rttMs } = await lab.ping('eth0', { count: 20 });
    await traffic.finish();
    expect(rttMs?.median).toBeLessThan(10 + 50 + 20);
  });

  it.each(['up', 'down'] as const)(
    'adds both links up for one iperf3 run over MPTCP %s',
    MEASURED,
    async (direction) => {
      const { receivedMbit } = await lab.iperf3({ direction, seconds: 3, omitSeconds: 1 });
      expect(receivedMbit).toBeGreaterThan(110);
      expect(receivedMbit).toBeLessThan(93 + 80);
    },
  );

  it.each<[string, Omit<TrafficOptions, 'bytes'>]>([
    ['up', {}],
    ['down', { direction: 'down' }],
    ['over IPv6', { family: 6, direction: 'down' }],
    ['from an IPv4 client to a dual-stack listener', { dualStackListener: true }],
  ])('delivers every byte over both links %s', async (_, options) => {
    const bytes = 15 * MEGABYTE;
    const [sender, receiver, counter] =
      options.direction === 'down'
        ? (['server', 'client', 'received'] as const)
        : (['client', 'server', 'sent'] as const);
    const links = await linkBytes(lab, async () => {
      const result = await lab.transfer({ bytes, ...options });
      expect(result[sender]).toMatchObject({ sent: bytes, received: 0 });
      expect(result[receiver]).toMatchObject({ sent: 0, received: bytes });
      expect(result.mbit).toBeLessThan(93 + 80);
      const { local = '' } = result.server.connections[0] ?? {};
      if (options.dualStackListener === true) expect(local).toMatch(/^\[::ffff:10\.77\.1\.2\]:\d+$/);
      if (options.family === 6) expect(local).toMatch(/^\[fd77:1::2\]:\d+$/);
    });
    const [eth0, wlan0] = [links.eth0?.[counter] ?? 0, links.wlan0?.[counter] ?? 0];
    expect(Math.min(eth0, wlan0)).toBeGreaterThan(bytes * 0.1);
    // All payload once, plus headers of about 5 % and a few retransmissions over the other link.
    expect(eth0 + wlan0).toBeGreaterThan(bytes);
    expect(eth0 + wlan0).toBeLessThan(bytes * 1.2);
  });

  it('changes delay, loss and rate while traffic runs', async () => {
    const link = lab.link('wlan0');
    const before = link.shape;
    const traffic = await lab.startTraffic({ bytes: 'unlimited', rateMbit: 5 });
    try {
      await link.set({ up: { delayMs: 30 }, down: { delayMs: 40 } });
      const slower = await lab.ping('wlan0', { count: 5 });
      expect(slower.rttMs?.min).toBeGreaterThan(69);
      expect(slower.rttMs?.min).toBeLessThan(70 * 1.15 + 3);
      await link.set({ up: { lossPercent: 100 } });
      expect((await lab.ping('wlan0', { count: 3 })).received).toBe(0);
      await link.set({ lossPercent: 0, delayMs: 5, rateMbit: 20 });
      const faster = await lab.ping('wlan0', { count: 5 });
      expect(faster.rttMs?.min).toBeLessThan(10 * 1.15 + 3);
      const { receivedMbit } = await lab.iperf3({ link: 'wlan0', protocol: 'tcp', seconds: 2 });
      expect(receivedMbit).toBeGreaterThan(20 * 0.7);
      expect(receivedMbit).toBeLessThan(20);
    } finally {
      const { client, server } = await traffic.finish();
      expect(client.sent).toBeGreaterThan(0);
      expect(server.received).toBe(client.sent);
      await link.set(before);
    }
  });
});

describeLive('traffic in a lab of bare links', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab({
      links: [
        { name: 'eth0', rateMbit: 200 },
        { name: 'wlan0', rateMbit: 100 },
        { name: 'lte0', rateMbit: 50, endpoint: ['subflow', 'backup'] },
      ],
    });
  });
  afterAll(() => lab?.close());

  it.each([
    ['client', 'up'],
    ['server', 'up'],
    ['client', 'down'],
    ['server', 'down'],
    ['client', 'both'],
  ] as const)('is counted exactly when the %s closes first after sending %s', async (closer, direction) => {
    const connections = 20;
    const bytes = MEGABYTE / 4 + 1;
    const result = await lab.transfer({ bytes, direction, closer, connections });
    for (const [end, moved] of [
      [result.client, { sent: direction !== 'down', received: direction !== 'up' }],
      [result.server, { sent: direction !== 'up', received: direction !== 'down' }],
    ] as const) {
      expect(end.connections).toHaveLength(connections);
      for (const connection of end.connections) {
        expect(connection).toMatchObject({ sent: moved.sent ? bytes : 0, received: moved.received ? bytes : 0 });
      }
    }
  });

  it('stays open and idle until it is finished, with a subflow on every link', async () => {
    const traffic = await lab.startTraffic({ bytes: 1, hold: true, connections: 5 });
    await sleep(300);
    const sockets = await lab.client.exec('ss', ['-tnH', 'state', 'established', `( dport = ${traffic.target.port} )`]);
    for (const address of ['10.77.1.1', '10.77.2.1', '10.77.3.1']) {
      expect(
        sockets.split('\n').filter((line) => line.includes(`${address}%`) || line.includes(`${address}:`)),
      ).toHaveLength(5);
    }
    expect(await traffic.progress()).toEqual({
      client: { sent: 5, received: 0, open: 5 },
      server: { sent: 0, received: 5, open: 5 },
    });
    const { client, server } = await traffic.finish();
    expect([client.connections.length, server.connections.length]).toEqual([5, 5]);
  });

  it('keeps to a rate', async () => {
    const { mbit } = await lab.transfer({ bytes: MEGABYTE, rateMbit: 8 });
    expect(mbit).toBeGreaterThan(7);
    expect(mbit).toBeLessThan(9);
  });

  it.each([
    ['mptcp', 'mptcp', { MPCapableSYNTX: 1, MPCapableSYNACKRX: 1, MPCapableFallbackSYNACK: 0 }],
    ['mptcp', 'tcp', { MPCapableSYNTX: 1, MPCapableSYNACKRX: 0 }],
    ['tcp', 'mptcp', { MPCapableSYNTX: 0, MPCapableSYNACKRX: 0 }],
    ['tcp', 'tcp', { MPCapableSYNTX: 0, MPCapableSYNACKRX: 0 }],
  ] as const)(
    'from a client of %s to a server of %s is what the kernel counts it as',
    async (client, server, expected) => {
      const before = await mptcpCounters(lab);
      const result = await lab.transfer({ bytes: MEGABYTE, client, server });
      const after = await mptcpCounters(lab);
      expect(result.server.received).toBe(MEGABYTE);
      expect(
        Object.fromEntries(Object.keys(expected).map((name) => [name, (after[name] ?? 0) - (before[name] ?? 0)])),
      ).toEqual(expected);
    },
  );

  it('of plain TCP leaves by the link whose address it comes from, even for an address of another', async () => {
    const links = await linkBytes(lab, () =>
      lab.transfer({ bytes: MEGABYTE, client: 'tcp', server: 'tcp', from: 'wlan0', link: 'eth0' }),
    );
    expect(links.wlan0?.sent).toBeGreaterThan(MEGABYTE);
    expect(links.eth0?.sent).toBeLessThan(MEGABYTE / 100);
  });

  it('can be reset', async () => {
    const before = await mptcpCounters(lab);
    const traffic = await lab.startTraffic({ bytes: 'unlimited', rateMbit: 1, connections: 3 });
    await traffic.abort();
    const after = await mptcpCounters(lab);
    // One for each connection, and one for each join that was quick enough.
    expect((after.MPFastcloseTx ?? 0) - (before.MPFastcloseTx ?? 0)).toBeGreaterThanOrEqual(3);
  });

  it('opens a thousand connections at a time', async () => {
    const traffic = await lab.startTraffic({ bytes: 100, hold: true, connections: 1000 });
    const { client, server } = await traffic.finish();
    expect([client.sent, server.received, server.connections.length]).toEqual([100_000, 100_000, 1000]);
  });

  it('that cannot be opened says why', async () => {
    const listener = lab.startTraffic({ bytes: 0, from: 'wlan0', family: 6, link: 'nosuch' });
    await expect(listener).rejects.toThrow('no link "nosuch"');
  });
});

describeLive('a lab', () => {
  it('leaves nothing behind when it is closed', async () => {
    const interfaces = rootInterfaces();
    const started = performance.now();
    const lab = await createLab({ links: [{ name: 'eth0', delayMs: 1 }, { name: 'wlan0' }] });
    const created = performance.now();
    const child = lab.client.spawn('sleep', ['1000']);
    const traffic = await lab.startTraffic({ bytes: 'unlimited', rateMbit: 1 });
    await traffic.progress();
    const names = namespaces(lab.id);
    expect(names).toHaveLength(2);
    expect(rootInterfaces()).toEqual(interfaces);
    const pids = names.flatMap(processesIn);
    expect(pids.length).toBeGreaterThanOrEqual(6);
    const closing = performance.now();
    await lab.close();
    console.log(
      `created in ${Math.round(created - started)} ms, closed in ${Math.round(performance.now() - closing)} ms`,
    );
    expect((await child.exited).signal).toBe('SIGKILL');
    expect(running(pids)).toEqual([]);
    expect(namespaces(lab.id)).toEqual([]);
    expect(existsSync(labDirectory(lab.id))).toBe(false);
    expect(rootInterfaces()).toEqual(interfaces);
    await lab.close();
  });

  it('runs beside another with the same names and addresses', async () => {
    const links = [
      { name: 'eth0', rateMbit: 50 },
      { name: 'wlan0', delayMs: 2 },
    ];
    const labs = await Promise.all([createLab({ links }), createLab({ links })]);
    try {
      const results = await Promise.all(labs.map((lab) => lab.transfer({ bytes: 2 * MEGABYTE })));
      expect(results.map(({ server }) => server.received)).toEqual([2 * MEGABYTE, 2 * MEGABYTE]);
      await labs[0].close();
      expect((await labs[1].ping('wlan0', { count: 2 })).received).toBe(2);
    } finally {
      await Promise.all(labs.map((lab) => lab.close()));
    }
  });

  it('that cannot be made leaves nothing behind and says why', async () => {
    const before = knownLabs().map(({ id }) => id);
    await expect(createLab({ links: [{ name: 'eth0' }], sysctls: { 'net.mptcp.no_such_setting': 1 } })).rejects.toThrow(
      /no_such_setting/,
    );
    expect(knownLabs().filter(({ id, ownerPid }) => ownerPid === process.pid && !before.includes(id))).toEqual([]);
  });

  it('is unavailable without its programs, and the reason names the packages', async () => {
    const path = process.env.PATH;
    try {
      process.env.PATH = '/nonexistent';
      expect(await labUnavailable()).toMatch(
        /^needs ip, .*mptcpize.* \(on Debian: apt-get install iproute2 .*mptcpize\)$/,
      );
    } finally {
      process.env.PATH = path;
    }
  });

  describe('of another process', () => {
    const CLI = fileURLToPath(new URL('../lab/cli.ts', import.meta.url));

    async function labOfAnotherProcess() {
      const owner = spawn(
        process.execPath,
        ['--import', 'tsx', CLI, 'up', '--link', 'eth0:93:5', '--link', 'wlan0:80'],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      const exited = once(owner, 'exit');
      let id = '';
      for await (const line of createInterface({ input: owner.stdout })) {
        id = /^lab (\S+)$/.exec(line)?.[1] ?? id;
        if (line.startsWith('Ctrl-C')) break;
      }
      return { owner, exited, id, pids: namespaces(id).flatMap(processesIn) };
    }

    it('is left alone while that lives, and removed by the next one when it was killed', async () => {
      const { owner, exited, id } = await labOfAnotherProcess();
      try {
        await (await createLab({ links: [{ name: 'eth0' }] })).close();
        expect(namespaces(id)).toHaveLength(2);
      } finally {
        owner.kill('SIGKILL');
        await exited;
      }
      const pids = namespaces(id).flatMap(processesIn);
      await (await createLab({ links: [{ name: 'eth0' }] })).close();
      expect(namespaces(id)).toEqual([]);
      expect(existsSync(labDirectory(id))).toBe(false);
      expect(running(pids)).toEqual([]);
    });

    it.each(['SIGINT', 'SIGTERM'] as const)('is taken down when that gets %s', async (signal) => {
      const { owner, exited, id, pids } = await labOfAnotherProcess();
      expect(namespaces(id)).toHaveLength(2);
      expect(pids.length).toBeGreaterThan(0);
      owner.kill(signal);
      await exited;
      expect(namespaces(id)).toEqual([]);
      expect(existsSync(labDirectory(id))).toBe(false);
      expect(running(pids)).toEqual([]);
    });
  });
});
