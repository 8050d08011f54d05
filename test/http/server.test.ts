import type { RequestListener } from 'node:http';
import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ListenAddress } from '../../exporter/src/config/listen-address.ts';
import { asExporterError, ExporterError } from '../../exporter/src/errors.ts';
import { listen, type RunningServers, warnings } from '../../exporter/src/http/server.ts';
import { ask } from './client.ts';

const LOOPBACK: ListenAddress = { host: '127.0.0.1', port: 0 };
const hello: RequestListener = (_, response) => {
  response.end('hello');
};

const running: RunningServers[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((servers) => servers.close(0)));
});

async function start(app: RequestListener, ...addresses: ListenAddress[]) {
  const servers = await listen(app, addresses.length === 0 ? [LOOPBACK] : addresses, {
    report: (error) => {
      throw error;
    },
  });
  running.push(servers);
  return { servers, port: servers.addresses[0]?.port ?? 0 };
}

/** Opens a connection and says nothing. */
function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
  });
}

async function complaint(promise: Promise<unknown>): Promise<ExporterError> {
  const caught = await promise.catch((error: unknown) => error);
  expect(caught).toBeInstanceOf(ExporterError);
  const error = asExporterError(caught);
  expect(error.line).not.toMatch(/[\n\r]/);
  return error;
}

async function milliseconds(promise: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await promise;
  return performance.now() - start;
}

const hasV6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

describe('listening', () => {
  it('serves on every address and says which ports the kernel chose', async () => {
    const { servers } = await start(hello, LOOPBACK, { host: '127.0.0.2', port: 0 }, { host: 'localhost', port: 0 });
    expect(servers.addresses.map(({ host }) => host)).toEqual(['127.0.0.1', '127.0.0.2', 'localhost']);
    for (const { host, port } of servers.addresses) {
      expect(port).toBeGreaterThan(0);
      expect((await ask('/', { host, port })).text).toBe('hello');
    }
  });

  it('serves every interface when no host is given', async () => {
    const { port } = await start(hello, { host: '', port: 0 });
    expect((await ask('/', { port })).text).toBe('hello');
    expect((await ask('/', { host: '127.0.0.3', port })).text).toBe('hello');
  });

  it.skipIf(!hasV6)('serves IPv6', async () => {
    const { port } = await start(hello, { host: '::1', port: 0 });
    expect((await ask('/', { host: '::1', port })).text).toBe('hello');
  });

  it('says that a port is taken and what to do, and lets go of the ports it already had', async () => {
    const { port } = await start(hello);
    const free = await start(hello);
    await free.servers.close(0);
    const addresses = [
      { host: '127.0.0.1', port: free.port },
      { host: '127.0.0.1', port },
    ];
    const error = await complaint(listen(hello, addresses, { report: () => undefined }));
    expect(error.code).toBe('address_in_use');
    expect(error.line).toBe(
      `127.0.0.1:${port} is taken. Stop the other program or choose another with --web.listen-address`,
    );
    await start(hello, { host: '127.0.0.1', port: free.port });
  });

  it('says that an address is not of this machine', async () => {
    const error = await complaint(listen(hello, [{ host: '192.0.2.254', port: 0 }], { report: () => undefined }));
    expect([error.code, error.message]).toEqual(['invalid_flag', '192.0.2.254:0 is not an address of this machine']);
  });

  it('says that a name does not resolve', async () => {
    const error = await complaint(listen(hello, [{ host: 'a.invalid', port: 80 }], { report: () => undefined }));
    expect([error.code, error.message]).toEqual(['invalid_flag', 'a.invalid:80 is a name that does not resolve']);
  }, 30_000);

  it('says that a port is reserved for privileged users', async () => {
    const user = process.geteuid?.();
    if (user === 0) process.seteuid?.(65_534);
    const pending = complaint(listen(hello, [{ host: '127.0.0.1', port: 1 }], { report: () => undefined }));
    const error = await pending.finally(() => {
      if (user === 0) process.seteuid?.(0);
    });
    expect(error.code).toBe('permission_denied');
    expect(error.line).toBe(
      '127.0.0.1:1 may not be listened on by this user. Choose a port from 1024 on with --web.listen-address, or grant CAP_NET_BIND_SERVICE',
    );
  });

  it('drops a connection that does not finish its request', async () => {
    const { port } = await start(hello);
    const socket = await dial(port);
    let text = '';
    socket.on('data', (piece) => {
      text += String(piece);
    });
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
  }, 15_000);
});

describe('closing', () => {
  it('lets an open request end, closes idle connections at once, and accepts no more', async () => {
    let finish: (() => void) | undefined;
    const { servers, port } = await start((request, response) => {
      if (request.url === '/slow') finish = () => response.end('finished');
      else response.end('hello');
    });
    const agent = new Agent({ keepAlive: true });
    await ask('/', { port, agent });
    const idle = await dial(port);
    const slow = ask('/slow', { port, agent: new Agent({ keepAlive: true }) });
    await vi.waitFor(() => expect(finish).toBeDefined());

    const idleClosed = new Promise((resolve) => idle.once('close', resolve));
    const closed = servers.close(5000);
    expect(await milliseconds(idleClosed)).toBeLessThan(1000);
    await expect(ask('/', { port })).rejects.toThrow('ECONNREFUSED');
    await sleep(150);
    finish?.();
    expect((await slow).text).toBe('finished');
    expect(await milliseconds(closed)).toBeLessThan(1000); // although the client would have kept the connection
  });

  it('ends what does not end by itself after the grace, and all within a second', async () => {
    let entered = 0;
    const { servers, port } = await start(() => {
      entered += 1;
    });
    const cut = Promise.all(
      Array.from({ length: 20 }, () => ask('/', { port }).catch((error: Error) => error.message)),
    );
    await vi.waitFor(() => expect(entered).toBe(20));
    const took = await milliseconds(servers.close(500));
    expect(took).toBeGreaterThan(450);
    expect(took).toBeLessThan(1000);
    expect(new Set(await cut)).toEqual(new Set(['socket hang up']));
  });

  it('is at once when nobody asks anything, and may be said twice', async () => {
    const { servers, port } = await start(hello);
    const idle = [await dial(port), await dial(port)];
    expect(await milliseconds(Promise.all([servers.close(5000), servers.close(5000)]))).toBeLessThan(1000);
    for (const socket of idle) socket.destroy();
  });

  it('tells clients that answer themselves late that the connection ends', async () => {
    let finish: (() => void) | undefined;
    const { servers, port } = await start((_, response) => {
      finish = () => response.end('late');
    });
    const agent = new Agent({ keepAlive: true });
    const answer = ask('/', { port, agent });
    await vi.waitFor(() => expect(finish).toBeDefined());
    const closed = servers.close(5000);
    finish?.();
    expect((await answer).text).toBe('late');
    await closed;
    await expect(ask('/', { port, agent })).rejects.toThrow(/ECONNREFUSED|ECONNRESET|hang up/);
  });
});

describe('warnings', () => {
  const tls = { cert: '', key: '', minVersion: 'TLSv1.2' } as const;
  const users = new Map([['prometheus', '$2b$…']]);
  const nobody = new Map<string, string>();

  it.each([['127.0.0.1'], ['127.1.2.3'], ['::1'], ['localhost']])('are none on %s', (host) => {
    expect(warnings([{ host, port: 1 }])).toEqual([]);
  });

  it.each([
    ['0.0.0.0', 'listening on 0.0.0.0:1 without TLS and authentication: '],
    ['', 'listening on every interface, port 1, without TLS and authentication: '],
    ['::', 'listening on [::]:1 without TLS and authentication: '],
    ['192.0.2.1', 'listening on 192.0.2.1:1 without TLS and authentication: '],
    ['gateway', 'listening on gateway:1 without TLS and authentication: '],
  ])('are loud on host "%s"', (host, start) => {
    const [line = '', ...others] = warnings([
      { host: '127.0.0.1', port: 1 },
      { host, port: 1 },
    ]);
    expect(others).toEqual([]);
    expect(line.startsWith(start)).toBe(true);
    expect(line).toContain('Set --web.config.file, or listen on 127.0.0.1');
  });

  it('name what is missing and no more', () => {
    const open = [{ host: '0.0.0.0', port: 1 }];
    expect(warnings(open, { tls, users })).toEqual([]);
    expect(warnings(open, { users: nobody })).toHaveLength(1);
    expect(warnings(open, { users })[0]).toContain('without TLS: passwords travel readable');
    expect(warnings(open, { tls, users: nobody })[0]).toContain('without authentication: anyone who can reach it');
  });
});
