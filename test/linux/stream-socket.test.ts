import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { errnoError } from '../../exporter/src/linux/errno.ts';
import { type Libc, loadLibc } from '../../exporter/src/linux/libc.ts';
import { beginConnect, openStream, type StreamTarget } from '../../exporter/src/linux/stream-socket.ts';
import { openSockets } from '../support/descriptors.ts';

const PATIENCE = { timeoutSeconds: 5 };
const SO_BINDTODEVICE = 25;
/** Documentation only (RFC 5737). */
const NOWHERE = { address: '192.0.2.1', port: 9 };

let libc: Libc;
const servers: Server[] = [];
const ports = { 4: 0, 6: 0, closed: 0 };

/** A server that sends back what it gets; gives its port. */
async function echo(host: string): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, host);
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  libc = await loadLibc();
  ports[4] = await echo('127.0.0.1');
  ports[6] = await echo('::1');
  ports.closed = await echo('127.0.0.1');
  servers.pop()?.close();
});
afterAll(() => {
  for (const server of servers) server.close();
});

let before: number;
beforeEach(() => {
  before = openSockets();
});
afterEach(async () => {
  await expect.poll(openSockets, { timeout: 5000 }).toBe(before); // the server's ends, too
});

async function said(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [data] = await once(socket, 'data');
  return String(data);
}

const to = (remote: { address: string; port: number }, rest: Partial<StreamTarget> = {}): StreamTarget => ({
  protocol: 'tcp',
  remote,
  ...rest,
});

describe('a stream socket', () => {
  it.each([
    ['tcp', '127.0.0.1', undefined],
    ['tcp', '127.0.0.1', 'lo'],
    ['tcp', '::ffff:127.0.0.1', 'lo'],
    ['tcp', '::1', 'lo'],
    ['mptcp', '127.0.0.1', 'lo'],
    ['mptcp', '::1', 'lo'],
  ] as const)(
    'over %s to %s by interface %s carries data both ways and ends',
    async (protocol, address, interfaceName) => {
      const port = ports[address === '::1' ? 6 : 4];
      const socket = await openStream(libc, to({ address, port }, { protocol, interfaceName }), PATIENCE);
      expect(socket.remotePort).toBe(port);
      expect(await said(socket, 'hello')).toBe('hello');
      const ended = once(socket, 'close');
      socket.end();
      await ended;
    },
  );

  it('leaves from the local address that is asked for', async () => {
    for (const protocol of ['tcp', 'mptcp'] as const) {
      const target = to({ address: '127.0.0.1', port: ports[4] }, { protocol, localAddress: '127.0.0.9' });
      const socket = await openStream(libc, target, PATIENCE);
      expect(socket.localAddress).toBe('127.0.0.9');
      socket.destroy();
      await once(socket, 'close');
    }
  });

  it.each(['tcp', 'mptcp'] as const)('tells a refusal over %s', async (protocol) => {
    const target = to({ address: '127.0.0.1', port: ports.closed }, { protocol, interfaceName: 'lo' });
    await expect(openStream(libc, target, PATIENCE)).rejects.toMatchObject({
      code: 'connection_refused',
      message: `cannot connect to 127.0.0.1 port ${ports.closed} from lo: ECONNREFUSED`,
    });
  });

  it.each([
    ['an interface that is not there', { interfaceName: 'nosuch0' }, 'bind a socket to interface nosuch0: ENODEV'],
    ['an interface name longer than the kernel takes', { interfaceName: `lo${'o'.repeat(14)}` }, /ENODEV$/],
    ['no interface name, which would unbind it', { interfaceName: '' }, /ENODEV$/],
    ['a source address of somebody else', { localAddress: '192.0.2.77' }, 'send from 192.0.2.77: EADDRNOTAVAIL'],
  ])('says that the way is not there: %s', async (_, rest, message) => {
    const target = to({ address: '127.0.0.1', port: ports[4] }, rest);
    await expect(openStream(libc, target, PATIENCE)).rejects.toMatchObject({
      code: 'unreachable',
      message: typeof message === 'string' ? `cannot ${message}` : expect.stringMatching(message),
    });
  });

  it('says what the operator can do where the interface may not be chosen', async () => {
    // Stands for a kernel before 5.7, and a user who is not root.
    const old: Libc = {
      ...libc,
      setsockopt: (descriptor, level, option, value, wording) => {
        if (option === SO_BINDTODEVICE && wording !== undefined) throw errnoError(constants.errno.EPERM, wording);
        libc.setsockopt(descriptor, level, option, value, wording);
      },
    };
    const target = to({ address: '127.0.0.1', port: ports[4] }, { interfaceName: 'lo' });
    await expect(openStream(old, target, PATIENCE)).rejects.toMatchObject({
      code: 'permission_denied',
      line: 'cannot bind a socket to interface lo: EPERM. Before Linux 5.7 that takes CAP_NET_RAW: grant it.',
    });
  });

  it('gives up when its time is over, and when it is told to', async () => {
    // Bound to the loopback, a SYN to anywhere else is lost without a word.
    const target = to(NOWHERE, { interfaceName: 'lo' });
    await expect(openStream(libc, target, { timeoutSeconds: 0.05 })).rejects.toMatchObject({ code: 'timeout' });
    const abort = new AbortController();
    const refused = expect(openStream(libc, target, { ...PATIENCE, signal: abort.signal })).rejects.toMatchObject({
      code: 'interrupted',
    });
    await sleep(20);
    abort.abort();
    await refused;
    await expect(openStream(libc, target, { ...PATIENCE, signal: abort.signal })).rejects.toMatchObject({
      code: 'interrupted',
    });
  });

  it('can be waited for without being handed to Node.js', async () => {
    const connecting = beginConnect(libc, to({ address: '127.0.0.1', port: ports[4] }));
    expect(await connecting.settled(PATIENCE)).toBe(0);
    connecting.close();
  });

  it('needs both ends of one family', async () => {
    const target = to({ address: '::1', port: ports[6] }, { localAddress: '127.0.0.1' });
    await expect(openStream(libc, target, PATIENCE)).rejects.toMatchObject({ code: 'kernel_refused' });
  });
});
