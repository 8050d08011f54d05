import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ConnectCheck, connectCheck } from '../../exporter/src/linux/connect-check.ts';
import { type Libc, loadLibc } from '../../exporter/src/linux/libc.ts';
import { openSockets } from '../support/descriptors.ts';

let libc: Libc;
const servers: Server[] = [];
let accepted = 0;

async function listen(host: string): Promise<number> {
  const server = createServer((socket) => {
    accepted += 1;
    socket.on('error', () => undefined).destroy();
  }).listen(0, host);
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const peers = { v4: 0, v6: 0, closed: 0 };
beforeAll(async () => {
  libc = await loadLibc();
  peers.v4 = await listen('127.0.0.1');
  peers.v6 = await listen('::1');
  peers.closed = await listen('127.0.0.1');
  servers.pop()?.close();
});
afterAll(() => {
  for (const server of servers) server.close();
});
beforeEach(() => {
  accepted = 0;
});

const check = (rest: Partial<ConnectCheck> = {}): ConnectCheck => ({
  interfaceName: 'lo',
  localAddress: '127.0.0.1',
  peer: { address: '127.0.0.1', port: peers.v4 },
  timeoutSeconds: 5,
  ...rest,
});

describe('a connect check', () => {
  it('is answered by a listener, and by a closed port', async () => {
    expect(await connectCheck(libc, check())).toBe(true);
    expect(await connectCheck(libc, check({ peer: { address: '127.0.0.1', port: peers.closed } }))).toBe(true);
  });

  it('goes over IPv6, and to the IPv4 peer of a dual-stack listener', async () => {
    const v6 = { localAddress: '::1', peer: { address: '::1', port: peers.v6 } };
    expect(await connectCheck(libc, check(v6))).toBe(true);
    const mapped = { localAddress: '::ffff:127.0.0.1', peer: { address: '::ffff:127.0.0.1', port: peers.v4 } };
    expect(await connectCheck(libc, check(mapped))).toBe(true);
  });

  it('is answered by nobody: false, when its time is over and no later', async () => {
    const begun = performance.now();
    // Bound to the loopback, a SYN to anywhere else is lost without a word.
    const lost = check({ peer: { address: '192.0.2.1', port: 9 }, timeoutSeconds: 0.3 });
    expect(await connectCheck(libc, lost)).toBe(false);
    expect(performance.now() - begun).toBeGreaterThan(290);
    expect(performance.now() - begun).toBeLessThan(2000);
  });

  it('ends at once when it is told to', async () => {
    const abort = new AbortController();
    const lost = connectCheck(libc, check({ peer: { address: '192.0.2.1', port: 9 } }), abort.signal);
    abort.abort();
    expect(await lost).toBe(false);
  });

  it.each([
    ['interface', { interfaceName: 'nosuch0' }],
    ['source address', { localAddress: '192.0.2.77' }],
  ])('could not be made when the %s is gone', async (_, rest) => {
    await expect(connectCheck(libc, check(rest))).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('does not bother the program at the other end, leaves no descriptor and no TIME_WAIT', async () => {
    const before = openSockets();
    for (let round = 0; round < 50; round += 1) {
      expect(await connectCheck(libc, check())).toBe(true);
    }
    expect(openSockets()).toBe(before);
    await sleep(100);
    expect(accepted).toBeLessThan(5); // as a rule 0: it takes a process that is held up for 40 ms to complete a handshake
  });

  it('is among others under way at once, each with its own answer', async () => {
    const before = openSockets();
    const checks = Array.from({ length: 60 }, (_, index) =>
      connectCheck(
        libc,
        index % 2 === 0 ? check() : check({ peer: { address: '192.0.2.1', port: 9 }, timeoutSeconds: 0.2 }),
      ),
    );
    expect(await Promise.all(checks)).toEqual(checks.map((_, index) => index % 2 === 0));
    expect(openSockets()).toBe(before);
  });
});
