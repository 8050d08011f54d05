import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadLibc } from '../../exporter/src/linux/libc.ts';
import { localOf, remoteOf } from '../../exporter/src/linux/netlink/inet-diag.ts';
import { NETLINK_SOCK_DIAG, subflowDumpRequest } from '../../exporter/src/linux/netlink/sock-diag.ts';
import { NetlinkSocket } from '../../exporter/src/linux/netlink/socket.ts';
import { openTransport } from '../../exporter/src/linux/netlink/transport.ts';
import type { Part } from '../../exporter/src/mptcp/model.ts';
import { openNetlinkSource } from '../../exporter/src/source/netlink.ts';
import type { Source } from '../../exporter/src/source/source.ts';

const AF_INET = 2;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 0o2004001;
const IPPROTO_MPTCP = 262;
const PARTS: ReadonlySet<Part> = new Set(['endpoints', 'mib', 'sysctl']);

let source: Source;
beforeAll(async () => {
  source = await openNetlinkSource({ procfs: '/proc' });
});
afterAll(() => source?.close());

/** An MPTCP server and client over loopback, which Node.js has no word for: the descriptors come from libc. */
async function mptcpPair(): Promise<{ port: number; client: net.Socket; server: net.Socket; close: () => void }> {
  const libc = await loadLibc();
  const listening = libc.socket(AF_INET, SOCK_STREAM_NONBLOCK_CLOEXEC, IPPROTO_MPTCP);
  libc.bind(listening, Uint8Array.from([AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
  const server = net.createServer();
  server.listen({ fd: listening });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new net.Socket({
    fd: libc.socket(AF_INET, SOCK_STREAM_NONBLOCK_CLOEXEC, IPPROTO_MPTCP),
    writable: true,
  });
  const sockets = [client];
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  try {
    const accepted = once(server, 'connection') as Promise<[net.Socket]>;
    client.connect(port, '127.0.0.1');
    const [peer] = await accepted;
    sockets.push(peer);
    return { port, client, server: peer, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** A sock_diag socket of its own. */
async function openDiagnostics(): Promise<NetlinkSocket> {
  const libc = await loadLibc();
  const connect = () => openTransport(libc, NETLINK_SOCK_DIAG);
  return new NetlinkSocket({ connect, onIncident: (code) => expect(code).toBe('none') });
}

describe('the running kernel', () => {
  it('is read without a failure: sockets, loopback, endpoints, limits, counters, sysctls', async () => {
    const reading = await source.read(PARTS);
    expect(reading.sockets.failure).toBeUndefined();
    expect(reading.interfaces.value?.find(({ name }) => name === 'lo')).toMatchObject({
      index: 1,
      loopback: true,
      counters: { receivedBytes: expect.any(Number) },
      addresses: expect.arrayContaining([{ address: '127.0.0.1', prefixLength: 8, scope: 'host' }]),
    });
    expect(reading.endpoints?.value?.limits).toMatchObject({ subflows: expect.any(Number) });
    expect(reading.mib?.failure).toBeUndefined();
    expect(reading.sysctl?.value?.enabled).toBe(true);
  });

  it('shows a real MPTCP connection with its subflow, the bytes it moved, and the congestion control', async () => {
    const pair = await mptcpPair();
    try {
      pair.client.write(Buffer.alloc(100_000));
      while (pair.server.bytesRead < 100_000) await once(pair.server, 'data');
      const { sockets } = await source.read(PARTS);
      const connection = sockets.value?.connections.find(({ remote }) => remote.port === pair.port);
      expect(connection).toMatchObject({ state: 'established', local: { address: '127.0.0.1' }, fallback: false });
      const subflows = sockets.value?.subflows.filter(({ token }) => token === connection?.token) ?? [];
      expect(subflows).toHaveLength(1);
      expect(subflows[0]).toMatchObject({ inode: connection?.inode, localId: 0, remote: { port: pair.port } });
      expect(subflows[0]?.tcp.sentBytes).toBeGreaterThanOrEqual(100_000);
      expect(subflows[0]?.tcp.congestionControl).toMatch(/^[a-z]+/);
      expect(subflows[0]?.tcp.rttSeconds).toBeGreaterThan(0);
    } finally {
      pair.close();
    }
  });

  it('is read in full when it has so many sockets that their dump is read ahead', async () => {
    const pair = await mptcpPair();
    const server = net.createServer().listen(0, '127.0.0.1');
    const clients: net.Socket[] = [];
    try {
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      for (let i = 0; i < 400; i++) clients.push(net.connect(port, '127.0.0.1'));
      await Promise.all(clients.map((client) => once(client, 'connect')));
      const socket = await openDiagnostics();
      // By both ports, since a socket of another program may have one of these.
      const decode = (view: DataView, start: number) => `${localOf(view, start).port} ${remoteOf(view, start).port}`;
      const own = clients.map(({ localPort }) => `${localPort} ${port}`).sort();
      for (const family of [AF_INET, 'both'] as const) {
        const ports = await socket.dump({ ...subflowDumpRequest(family), doing: 'dump', decode });
        expect(ports.filter((one) => own.includes(one)).sort()).toEqual(own);
        expect(new Set(ports).size).toBeGreaterThan(800); // both ends of each
      }
      socket.close();
      const { sockets } = await source.read(PARTS);
      expect(sockets.value?.subflows.some(({ remote }) => remote.port === pair.port)).toBe(true);
    } finally {
      pair.close();
      for (const client of clients) client.destroy();
      server.close();
    }
  });
});
