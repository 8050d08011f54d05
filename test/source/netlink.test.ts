import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExporterError } from '../../exporter/src/errors.ts';
import type { Part, SourceEvent } from '../../exporter/src/mptcp/model.ts';
import { openNetlinkSource } from '../../exporter/src/source/netlink.ts';
import {
  capture,
  captured,
  captureName,
  FakeKernel,
  messagesOf,
  refusal,
  type Step,
  sceneKernel,
} from '../linux/netlink/fake-kernel.ts';
import { capturedEvents, FakeMulticast } from '../linux/netlink/fake-multicast.ts';

const ALL: ReadonlySet<Part> = new Set(['sockets', 'interfaces', 'endpoints', 'mib', 'sysctl']);
const NONE: ReadonlySet<Part> = new Set();

let procfs: string;
beforeAll(async () => {
  procfs = await mkdtemp(join(tmpdir(), 'procfs-'));
  await mkdir(join(procfs, 'net'), { recursive: true });
  await mkdir(join(procfs, 'sys/net/mptcp'), { recursive: true });
  await writeFile(join(procfs, 'net/netstat'), 'MPTcpExt: MPCapableSYNRX NewOne\nMPTcpExt: 3 4\n');
  await writeFile(join(procfs, 'sys/net/mptcp/enabled'), '1\n');
});
afterAll(() => rm(procfs, { recursive: true, force: true }));

/** The client's kernel, with these answers first, by the capture's name, one per request. */
function flaky(answers: Readonly<Record<string, (readonly Step[])[]>>): FakeKernel {
  return new FakeKernel((request) => {
    const name = captureName(request);
    return answers[name]?.shift() ?? captured('client', name);
  });
}

const open = (kernel: FakeKernel) => openNetlinkSource({ procfs, connect: kernel.connect });

describe('the netlink source', () => {
  it('reads every part of the captured scene', async () => {
    const source = await open(sceneKernel('client'));
    const reading = await source.read(ALL);
    expect(reading).toMatchObject({ source: 'netlink', kernel: 'upstream', incidents: [] });
    expect(reading.sockets.value?.connections).toHaveLength(7);
    expect(reading.sockets.value?.subflows).toHaveLength(19);
    expect(reading.interfaces.value?.map(({ name }) => name)).toEqual(['lo', 'eth0', 'wlan0', 'lte0']);
    expect(reading.endpoints?.value?.endpoints).toHaveLength(3);
    expect(reading.endpoints?.value?.limits).toEqual({ subflows: 4, addAddrAccepted: 4 });
    expect(reading.mib?.value).toEqual(
      new Map([
        ['MPCapableSYNRX', 3],
        ['NewOne', 4],
      ]),
    );
    expect(reading.sysctl?.value?.enabled).toBe(true);
    expect([...reading.capabilities.values()]).toEqual(Array(11).fill(true));
    expect(reading.monotonicSeconds).toBeGreaterThan(0);
    source.close();
  });

  it('leaves out the parts that were not asked for, and does not ask the kernel for them', async () => {
    const kernel = sceneKernel('client');
    const source = await open(kernel);
    const reading = await source.read(NONE);
    expect(Object.keys(reading).sort()).toEqual(
      ['source', 'kernel', 'monotonicSeconds', 'sockets', 'interfaces', 'capabilities', 'incidents'].sort(),
    );
    expect(kernel.requests.some(({ type }) => type === 16)).toBe(false);
  });

  it('gives what it can when one part fails, and reads that part again next time', async () => {
    const kernel = flaky({
      'sock-diag-tcp-both': [[refusal(22)]],
      'sock-diag-tcp4': [[refusal(22)]],
      'rtnl-getlink': [[]],
      'mptcp_pm-get-addr': [[refusal(1)]],
    });
    const source = await openNetlinkSource({ procfs, timeoutMs: 50, connect: kernel.connect });
    const first = await source.read(ALL);
    expect(first.sockets.failure).toEqual({ code: 'kernel_refused', message: 'cannot dump the TCP sockets: EINVAL' });
    expect(first.interfaces.failure).toMatchObject({ code: 'timeout' });
    expect(first.endpoints?.failure).toMatchObject({ code: 'permission_denied' });
    expect(first.mib?.value?.size).toBe(2);
    const second = await source.read(ALL);
    expect([second.sockets.failure, second.interfaces.failure, second.endpoints?.failure]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('counts what it repaired, once, under its part', async () => {
    const source = await open(
      flaky({
        'sock-diag-mptcp-both': [[{ errno: 'ENOBUFS' }]],
        'rtnl-getaddr': [[{ errno: 'EINTR' }, ...messagesOf(capture('client', 'rtnl-getaddr'))]],
      }),
    );
    const first = await source.read(ALL);
    expect(first.sockets.value?.connections).toHaveLength(7);
    expect(first.incidents).toEqual([
      { part: 'sockets', code: 'overrun' },
      { part: 'interfaces', code: 'interrupted' },
    ]);
    expect((await source.read(ALL)).incidents).toEqual([]);
  });

  it('on kernels 5.7 to 5.9 counts that connections cannot be told, and gives the subflows', async () => {
    const tcp = messagesOf(capture('client', 'sock-diag-tcp4'));
    const kernel = flaky({
      'sock-diag-mptcp-both': [captured('client', 'sock-diag-tcp-both')],
      'sock-diag-mptcp4': [tcp],
    });
    const reading = await (await open(kernel)).read(NONE);
    expect(reading.incidents).toEqual([{ part: 'sockets', code: 'not_tcp_info' }]);
    expect(reading.sockets.value).toMatchObject({ connections: [], connectionsFailure: { code: 'not_tcp_info' } });
    expect(reading.sockets.value?.subflows).toHaveLength(19);
    expect(reading.capabilities.has('connection_bytes')).toBe(false);
  });

  it('finds the path manager again after its family has changed its number', async () => {
    const kernel = flaky({ 'mptcp_pm-get-addr': [messagesOf(capture('client', 'mptcp_pm-get-addr')), [refusal(2)]] });
    const source = await open(kernel);
    expect((await source.read(ALL)).endpoints?.value?.endpoints).toHaveLength(3);
    expect((await source.read(ALL)).endpoints?.failure).toMatchObject({ code: 'not_supported' });
    expect((await source.read(ALL)).endpoints?.value?.endpoints).toHaveLength(3);
    expect(kernel.requests.filter(({ type }) => type === 16)).toHaveLength(2);
  });

  it('cannot be opened where netlink is forbidden, so that another source can be chosen', async () => {
    const forbidden = () => {
      throw new ExporterError('permission_denied', 'no netlink here');
    };
    await expect(openNetlinkSource({ procfs, connect: forbidden })).rejects.toMatchObject({
      code: 'permission_denied',
    });
  });

  it('gives back all descriptors, and then says that it is closed', async () => {
    const kernel = sceneKernel('server');
    const source = await open(kernel);
    await source.read(ALL);
    expect([kernel.opened, kernel.open]).toEqual([4, 4]);
    source.close();
    expect(kernel.open).toBe(0);
    expect((await source.read(NONE)).sockets.failure).toEqual({
      code: 'interrupted',
      message: 'the netlink socket was closed',
    });
  });
});

const ROUTE = 0;
const SOCK_DIAG = 4;
const GENERIC = 16;

async function subscribed(refused: readonly number[] = []) {
  const kernel = new FakeMulticast();
  for (const protocol of refused) kernel.refusals.set(protocol, new ExporterError('permission_denied', 'EPERM'));
  const source = await openNetlinkSource({ procfs, connect: sceneKernel('client').connect, listen: kernel.listen });
  const batches: SourceEvent[][] = [];
  const failure = await source.subscribe?.((events) => batches.push([...events]));
  const told = () => batches.flat().map((event) => (event.kind === 'path_manager' ? event.event.name : event.kind));
  return { kernel, source, failure, told, batches };
}

describe("the netlink source's events", () => {
  it('come from the groups of destroyed sockets, of mptcp_pm by its number here, and of interfaces', async () => {
    const { kernel, source, failure } = await subscribed();
    expect(failure).toBeUndefined();
    expect(Object.fromEntries(kernel.descriptors.map(({ protocol, groups }) => [protocol, groups]))).toEqual({
      [SOCK_DIAG]: [1, 3],
      [GENERIC]: [9],
      [ROUTE]: [1, 5, 9],
    });
    expect((await source.read(NONE)).capabilities.get('events')).toBe(true);
    source.close();
    expect(kernel.descriptors).toEqual([]);
  });

  it('tell of a connection what its life was before they tell of its closes, and of interfaces once', async () => {
    const { kernel, source, told, batches } = await subscribed();
    kernel.send(SOCK_DIAG, ...capturedEvents('v4-client-closes', 'client', 'destroy'));
    kernel.send(GENERIC, ...capturedEvents('v4-client-closes', 'client', 'pm'));
    await expect.poll(told).toHaveLength(6);
    expect(told()).toEqual(['created', 'established', 'subflow_established', 'closed', 'close', 'close']);
    expect(batches[0]?.[4]).toMatchObject({
      close: { local: { address: '10.77.1.1', port: 33566 }, tcp: { acknowledgedBytes: 196_530 } },
    });
    kernel.send(ROUTE, ...capturedEvents('link-down', 'client', 'route'));
    await expect.poll(told).toHaveLength(7);
    expect(told().at(-1)).toBe('interfaces');
    source.close();
  });

  it('leave out what is no event of theirs', async () => {
    const { kernel, source, told } = await subscribed();
    const [foreign = new Uint8Array()] = capturedEvents('v4-client-closes', 'client', 'pm');
    foreign[4] = 27;
    kernel.send(GENERIC, foreign);
    kernel.send(
      ROUTE,
      ...capturedEvents('v4-client-closes', 'client', 'destroy'),
      ...capturedEvents('link-up', 'server', 'route'),
    );
    await expect.poll(told).toEqual(['interfaces']);
    source.close();
  });

  it.each([
    ['the closes', [SOCK_DIAG], 'not permitted to listen to closing sockets'],
    ['the path-manager events', [GENERIC], 'not permitted to listen to path-manager events'],
    ['both', [SOCK_DIAG, GENERIC], 'not permitted to listen to path-manager events'],
  ])('without permission for %s say so with what to do, and the rest still comes', async (_, refused, what) => {
    const { kernel, source, failure, told } = await subscribed(refused);
    expect(failure).toEqual({
      code: 'permission_denied',
      message: `${what}. Run as root or with CAP_NET_ADMIN; until then closes and joins are only seen by sampling.`,
    });
    kernel.send(ROUTE, ...capturedEvents('link-down', 'client', 'route'));
    await expect.poll(told).toEqual(['interfaces']);
    const reading = await source.read(ALL);
    expect(reading.capabilities.get('events')).toBe(false);
    expect(reading.sockets.failure).toBeUndefined();
    source.close();
  });

  it('count what went wrong in the next reading, under its part', async () => {
    const { kernel, source, told } = await subscribed();
    kernel.send(SOCK_DIAG, { errno: 'ENOBUFS' });
    kernel.send(GENERIC, Uint8Array.of(1, 2, 3));
    kernel.send(ROUTE, { errno: 'ENOBUFS' });
    await expect.poll(told).toEqual(expect.arrayContaining(['overrun', 'overrun']));
    expect((await source.read(NONE)).incidents).toEqual(
      expect.arrayContaining([
        { part: 'sockets', code: 'overrun' },
        { part: 'sockets', code: 'truncated' },
        { part: 'interfaces', code: 'overrun' },
      ]),
    );
    expect((await source.read(NONE)).incidents).toEqual([]);
    source.close();
  });

  it('are not judged before anybody has asked for them', async () => {
    const source = await open(sceneKernel('client'));
    expect((await source.read(NONE)).capabilities.has('events')).toBe(false);
    expect(await source.subscribe?.(() => undefined)).toMatchObject({ code: 'not_supported' });
    source.close();
    expect(await source.subscribe?.(() => undefined)).toMatchObject({ code: 'interrupted' });
  });

  it('go on after a listener that throws, which is counted', async () => {
    const kernel = new FakeMulticast();
    const source = await openNetlinkSource({ procfs, connect: sceneKernel('client').connect, listen: kernel.listen });
    let calls = 0;
    await source.subscribe?.(() => {
      calls += 1;
      throw new Error('a bug');
    });
    for (const expected of [1, 2]) {
      kernel.send(ROUTE, ...capturedEvents('address-removed', 'client', 'route'));
      await expect.poll(() => calls).toBe(expected);
    }
    expect((await source.read(NONE)).incidents).toEqual(Array(2).fill({ part: 'sockets', code: 'internal' }));
    source.close();
  });
});
