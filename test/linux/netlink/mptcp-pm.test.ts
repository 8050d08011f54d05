import { describe, expect, it } from 'vitest';
import {
  decodeEndpoint,
  decodeFamily,
  decodeLimits,
  readPathManager,
  resolveFamily,
} from '../../../exporter/src/linux/netlink/mptcp-pm.ts';
import { NetlinkSocket } from '../../../exporter/src/linux/netlink/socket.ts';
import { attribute, concat, FakeKernel, refusal, sceneKernel, u32 } from './fake-kernel.ts';

const HEADER = [3, 1, 0, 0];

function view(...parts: readonly (Uint8Array | readonly number[])[]): [DataView, number, number] {
  const bytes = concat(...parts);
  return [new DataView(bytes.buffer), 0, bytes.length];
}

function socketOf(kernel: FakeKernel): NetlinkSocket {
  return new NetlinkSocket({ connect: kernel.connect, onIncident: () => undefined });
}

describe("the scene's path manager", () => {
  it('at the client has three endpoints, one of them a backup, and limits of four', async () => {
    const kernel = sceneKernel('client');
    const socket = socketOf(kernel);
    const family = await resolveFamily(socket);
    expect(family).toEqual({
      id: 28,
      groups: new Map([
        ['mptcp_pm_cmds', 8],
        ['mptcp_pm_events', 9],
      ]),
    });
    expect(await readPathManager(socket, family)).toEqual({
      endpoints: [
        { id: 1, address: '10.77.2.1', interfaceIndex: 61, flags: ['subflow'] },
        { id: 2, address: '10.77.3.1', interfaceIndex: 63, flags: ['subflow', 'backup'] },
        { id: 3, address: 'fd77:2::1', interfaceIndex: 61, flags: ['subflow'] },
      ],
      limits: { subflows: 4, addAddrAccepted: 4 },
    });
    expect(kernel.requests.map(({ type, flags }) => [type, flags])).toEqual([
      [16, 0x1],
      [28, 0x301],
      [28, 0x1],
    ]);
  });

  it('at the server announces one address', async () => {
    const socket = socketOf(sceneKernel('server'));
    const { endpoints } = await readPathManager(socket, await resolveFamily(socket));
    expect(endpoints).toEqual([{ id: 1, address: '10.77.2.2', interfaceIndex: 62, flags: ['signal'] }]);
  });
});

describe('a kernel without MPTCP', () => {
  it('is told apart from one without endpoints, with what to do about it', async () => {
    const socket = socketOf(new FakeKernel(() => [refusal(2)]));
    await expect(resolveFamily(socket)).rejects.toMatchObject({
      code: 'not_supported',
      line: 'cannot find the mptcp_pm netlink family: ENOENT. This needs a kernel with CONFIG_MPTCP, Linux 5.6 or later.',
    });
  });

  it('or one that asks for privileges says so', async () => {
    const socket = socketOf(new FakeKernel(() => [refusal(1)]));
    await expect(readPathManager(socket, { id: 28, groups: new Map() })).rejects.toMatchObject({
      code: 'permission_denied',
      remedy: 'Run as root or with CAP_NET_ADMIN.',
    });
  });
});

describe('an endpoint', () => {
  const id = attribute(2, [7]);
  const address = attribute(3, [10, 0, 0, 1]);
  const endpoint = (...parts: Uint8Array[]): ReturnType<typeof decodeEndpoint> =>
    decodeEndpoint(...view(HEADER, attribute(0x8001, concat(...parts))));

  it('has a port only when one was set', () => {
    expect(endpoint(id, address, attribute(5, [0x59, 0x1b]))).toMatchObject({ port: 7001 });
    expect(endpoint(id, address, attribute(5, [0, 0]))).not.toHaveProperty('port');
  });

  it('has an interface only when it is bound to one', () => {
    expect(endpoint(id, address, attribute(7, u32(0)))).toEqual({ id: 7, address: '10.0.0.1', flags: [] });
  });

  it('names all its flags, those we do not know by number', () => {
    expect(endpoint(id, address, attribute(6, u32(0x8000_00ff))).flags).toEqual([
      'signal',
      'subflow',
      'backup',
      'fullmesh',
      'implicit',
      'laminar',
      '0x40',
      '0x80',
      '0x80000000',
    ]);
  });

  it.each([
    ['without an id', () => endpoint(address)],
    ['without an address', () => endpoint(id)],
    ['with half an IPv4 address', () => endpoint(id, attribute(3, [10, 0]))],
    ['with half an IPv6 address', () => endpoint(id, attribute(4, [0xfd, 0x77, 0, 1]))],
    ['without anything', () => decodeEndpoint(...view(HEADER))],
  ])('%s is malformed', (_, read) => {
    expect(read).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});

describe('answers that lack what they are for', () => {
  it.each([
    ['limits with one limit only', () => decodeLimits(...view(HEADER, attribute(2, u32(4)))), 'malformed'],
    ['a family without a number', () => decodeFamily(...view(HEADER, attribute(2, [0x78, 0]))), 'malformed'],
    ['a message shorter than its header', () => decodeLimits(...view([6, 1])), 'truncated'],
  ])('are typed errors: %s', (_, read, code) => {
    expect(read).toThrow(expect.objectContaining({ code }));
  });

  it('are complete without multicast groups', () => {
    expect(decodeFamily(...view(HEADER, attribute(1, [30, 0])))).toEqual({ id: 30, groups: new Map() });
  });
});
