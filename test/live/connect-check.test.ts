import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { CheckRequest } from '../../exporter/src/mptcp/health/states.ts';
import { applyFault, type FaultName } from '../lab/faults/faults.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { nodeProgram } from '../lab/node-program.ts';
import type { LabProcess } from '../lab/process.ts';
import { describeLive } from '../lab/vitest.ts';

const PORT = 5001;
const CLOSED = 5002;
const REJECTING = 5003;
/** Round trip of each link, in seconds. */
const ROUND_TRIP = 0.02;
/** How late a busy machine may be, in seconds. */
const LATE = 1;
const PATIENT = { timeout: 10_000, interval: 20 };
const LINKS = ['eth0', 'wlan0'] as const;

/** A line of check-paths.ts. */
interface Line {
  readonly path?: string;
  readonly alive?: boolean;
  readonly after?: number;
  readonly code?: string;
  readonly sockets?: number;
}

let lab: Lab;
let checker: LabProcess;
let server: LabProcess;
let lines: Line[] = [];

const request = (path: string, rest: Partial<CheckRequest> = {}, family: 4 | 6 = 4): CheckRequest => ({
  path,
  interfaceName: path,
  localAddress: lab.client.address(path, family),
  // Of the other link, as with fullmesh: only the interface decides which way the SYN takes.
  peer: { address: lab.server.address('eth0', family), port: PORT },
  verdictSeconds: 1.2,
  timeoutSeconds: 4.5,
  ...rest,
});

const start = (...requests: readonly CheckRequest[]): void => checker.write(`${JSON.stringify(requests)}\n`);

/** The lines printed, once there are so many. */
async function told(count: number): Promise<readonly Line[]> {
  await expect.poll(() => lines.length, PATIENT).toBeGreaterThanOrEqual(count);
  return lines;
}

async function sockets(): Promise<number> {
  lines = [];
  start();
  return (await told(1)).find(({ sockets: open }) => open !== undefined)?.sockets ?? Number.NaN;
}

/** SYNs that have left by each interface of the client since the lab began. */
async function syns(): Promise<readonly number[]> {
  const text = await lab.client.exec('nft', ['list', 'chain', 'inet', 'watch', 'out']);
  return LINKS.map((link) => Number(new RegExp(`oifname "${link}".*packets (\\d+)`).exec(text)?.[1]));
}

async function during(name: FaultName, link: string, work: (fault: { end(): Promise<void> }) => Promise<void>) {
  const fault = await applyFault(lab, name, link);
  try {
    await work(fault);
  } finally {
    await fault.end();
  }
}

describeLive('connect checks on links with a delay', () => {
  beforeAll(async () => {
    lab = await createLab({ links: LINKS.map((name) => ({ name, delayMs: (ROUND_TRIP * 1000) / 2 })) });
    const count = LINKS.map((link) => `oifname "${link}" tcp flags & (syn | ack) == syn counter`);
    const chain = `chain out { type filter hook output priority 0\n ${count.join('\n')}\n }`;
    await lab.client.exec('nft', ['-f', '-'], { input: `table inet watch {\n ${chain}\n}\n` });
    const reject = `chain in { type filter hook input priority 0\n tcp dport ${REJECTING} reject with icmpx admin-prohibited\n }`;
    await lab.server.exec('nft', ['-f', '-'], { input: `table inet watch {\n ${reject}\n}\n` });
    server = lab.server.spawn(process.execPath, [
      '-e',
      `require('node:net').createServer((socket) => { console.log('accepted'); socket.on('error', () => {}).destroy(); })
        .listen(${PORT}, '::', () => console.log('listening'));`,
    ]);
    const [program, ...args] = nodeProgram(new URL('check-paths.ts', import.meta.url));
    checker = lab.client.spawn(program, args);
    await Promise.all([server.waitForLine(/listening/), checker.waitForLine(/ready/, 20_000)]);
    checker.onLine((line) => lines.push(JSON.parse(line) as Line));
  });
  afterAll(() => lab?.close());
  beforeEach(() => {
    lines = [];
  });

  it.each([
    ['a listener', { peer: 'listener', family: 4 }],
    ['a listener, over IPv6', { peer: 'listener', family: 6 }],
    ['a closed port', { peer: 'closed', family: 4 }],
    ["the peer's firewall", { peer: 'rejecting', family: 4 }],
    ["the peer's firewall, over IPv6", { peer: 'rejecting', family: 6 }],
  ] as const)('are answered by %s, over the interface asked for and no other', async (_, { peer, family }) => {
    const port = { listener: PORT, closed: CLOSED, rejecting: REJECTING }[peer];
    for (const [index, link] of LINKS.entries()) {
      lines = [];
      const before = await syns();
      start(request(link, { peer: { address: lab.server.address('eth0', family), port } }, family));
      const [line] = await told(1);
      expect(line).toMatchObject({ path: link, alive: true });
      expect(line?.after).toBeGreaterThan(ROUND_TRIP * 0.9);
      expect(line?.after).toBeLessThan(ROUND_TRIP + LATE);
      expect((await syns()).map((now, at) => now - (before[at] ?? 0))).toEqual(index === 0 ? [1, 0] : [0, 1]);
    }
  });

  it.each(['blackhole', 'far-end-unplugged'] as const)(
    'tell a path dead on which every packet is lost (%s), alive late when it comes back meanwhile, and leave the other alone',
    async (name) => {
      await during(name, 'wlan0', async (fault) => {
        const before = await syns();
        // Over the address of the other link, so that a SYN that left by the wrong interface would be answered.
        start(request('wlan0'), request('eth0'));
        const [first, second] = await told(2);
        expect(first).toMatchObject({ path: 'eth0', alive: true });
        expect(second).toMatchObject({ path: 'wlan0', alive: false });
        expect(second?.after).toBeGreaterThan(1.19);
        expect(second?.after).toBeLessThan(1.2 + LATE);
        await fault.end();
        const late = (await told(3))[2];
        expect(late).toMatchObject({ path: 'wlan0', alive: true });
        expect(late?.after).toBeLessThan(4.5);
        const [eth0, wlan0] = (await syns()).map((now, at) => now - (before[at] ?? 0));
        expect(eth0).toBe(1);
        expect(wlan0).toBeGreaterThan(1); // the kernel repeats it: the same connect was answered
        expect(wlan0).toBeLessThanOrEqual(5);
      });
    },
  );

  it('tell a path dead whose next hop does not answer for its address any more', async () => {
    await during('far-end-unplugged', 'wlan0', async () => {
      await lab.client.exec('ip', ['neigh', 'flush', 'dev', 'wlan0']);
      start(request('wlan0', { verdictSeconds: 4 }));
      const [line] = await told(1);
      expect(line).toMatchObject({ path: 'wlan0', alive: false });
      expect(line?.after).toBeLessThan(4 + LATE);
    });
  });

  it('could not be made while the interface is gone, and are answered when it is back', async () => {
    await during('interface-removed', 'wlan0', async () => {
      start(request('wlan0'), request('eth0'));
      const both = [...(await told(2))];
      expect(both).toContainEqual(expect.objectContaining({ path: 'wlan0', code: 'unreachable' }));
      expect(both).toContainEqual(expect.objectContaining({ path: 'eth0', alive: true }));
    });
    lines = [];
    start(request('wlan0'));
    expect((await told(1))[0]).toMatchObject({ path: 'wlan0', alive: true });
  });

  it('end without an answer when the interface goes away under them', async () => {
    await during('blackhole', 'wlan0', async () => {
      start(request('wlan0', { timeoutSeconds: 1.2 }));
      await during('interface-removed', 'wlan0', async () => {
        expect((await told(1))[0]).toMatchObject({ path: 'wlan0', alive: false });
      });
    });
  });

  it('could not be made from an address that has left', async () => {
    start(request('wlan0', { path: 'moved', localAddress: '10.9.9.9' }));
    expect((await told(1))[0]).toMatchObject({ path: 'moved', code: 'unreachable' });
  });

  it('by the hundred leave no descriptor behind, nor a socket at either end, nor a trace in the program that listens', async () => {
    const before = await sockets();
    let accepted = 0;
    const stop = server.onLine(() => {
      accepted += 1;
    });
    for (let round = 0; round < 100; round += 1) {
      lines = [];
      start(request('eth0'), request('wlan0'));
      const both = await told(2);
      expect(both.map(({ alive }) => alive)).toEqual([true, true]);
    }
    stop();
    expect(await sockets()).toBe(before);
    for (const host of [lab.client, lab.server]) {
      expect(await host.exec('ss', ['-tanHO', 'state', 'connected', `( sport = :${PORT} or dport = :${PORT} )`])).toBe(
        '',
      );
    }
    expect(accepted).toBeLessThan(20); // as a rule 0: a checker held up for 40 ms completes the handshake
  });
});
