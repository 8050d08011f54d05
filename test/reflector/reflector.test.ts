import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ExporterError } from '../../exporter/src/errors.ts';
import { type Libc, loadLibc } from '../../exporter/src/linux/libc.ts';
import { renderReflector } from '../../exporter/src/metrics/reflector.ts';
import { DEFAULT_LIMITS, type ReflectorLimits } from '../../exporter/src/reflector/limits.ts';
import { authorize } from '../../exporter/src/reflector/protocol/authorization.ts';
import { decodeDatagram, encodeDatagram } from '../../exporter/src/reflector/protocol/datagram.ts';
import { ECHO_UPGRADE, ROUTES } from '../../exporter/src/reflector/protocol/routes.ts';
import { Reflector } from '../../exporter/src/reflector/reflector.ts';
import { openSockets } from '../support/descriptors.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const BUILD = { version: '1.2.3', revision: 'abc' };

let reflector: Reflector;
let port: number;
let sockets: number;

async function start(
  limits: Partial<ReflectorLimits> = {},
  rest: { token?: string; libc?: () => Promise<Libc> } = {},
): Promise<void> {
  reflector = await Reflector.start({
    addresses: [{ host: '127.0.0.1', port: 0 }],
    token: rest.token,
    limits: { ...DEFAULT_LIMITS, ...limits },
    libc: rest.libc ?? loadLibc,
    report: (error) => expect(error).toBeUndefined(),
  });
  port = reflector.addresses[0]?.port ?? 0;
}

/** One request; gives the answer, still to be read. */
async function ask(
  target: string,
  {
    method = 'GET',
    token,
    body,
    at = Date.now() / 1000,
  }: { method?: string; token?: string; body?: Buffer; at?: number } = {},
): Promise<IncomingMessage> {
  const headers = token === undefined ? {} : { Authorization: authorize(token, { method, target }, at) };
  const asked = request({ host: '127.0.0.1', port, path: target, method, headers, agent: false });
  asked.on('error', () => undefined).end(body);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

async function answered(...args: Parameters<typeof ask>): Promise<{ status: number | undefined; reason: unknown }> {
  const response = await ask(...args);
  const body = await text(response);
  return { status: response.statusCode, reason: (JSON.parse(body) as { reason?: unknown }).reason };
}

const counted = () => [...reflector.tally.requests()].map(({ service, outcome, count }) => [service, outcome, count]);

beforeAll(async () => {
  await loadLibc();
  sockets = openSockets();
});
afterEach(async () => {
  await reflector.close();
  await expect.poll(openSockets, { timeout: 5000 }).toBe(sockets);
});

describe('a reflector', { timeout: 20_000 }, () => {
  it('sends so many bytes, and takes in any number', async () => {
    await start();
    const response = await ask(`${ROUTES.download}?bytes=1000000`);
    expect(response.headers).toMatchObject({ 'content-length': '1000000', 'mptcp-reflector': '1' });
    expect(Buffer.byteLength(await text(response.setEncoding('latin1')), 'latin1')).toBe(1_000_000);
    const up = await ask(ROUTES.upload, { method: 'PUT', body: Buffer.alloc(300_000) });
    expect(JSON.parse(await text(up))).toMatchObject({ bytes: 300_000, done: true });
    await expect.poll(counted).toEqual([
      ['download', 'done', 1],
      ['upload', 'done', 1],
    ]);
  });

  it('sends for so many seconds, and ends whole', async () => {
    await start({ bytesPerSecond: 1e6 });
    const begun = performance.now();
    const body = await text((await ask(`${ROUTES.download}?seconds=0.3`)).setEncoding('latin1'));
    expect(performance.now() - begun).toBeGreaterThan(250);
    expect(body.length).toBeGreaterThan(0);
    expect(body.length).toBeLessThan(1e6 * 0.3 + 300_000);
  });

  it('says no more than there is to be said: 404, 400, 413', async () => {
    await start({ transferBytes: 5000 });
    expect(await answered('/')).toEqual({ status: 404, reason: 'not_found' });
    expect(await answered(ROUTES.download)).toEqual({ status: 400, reason: 'invalid' });
    expect(await answered(`${ROUTES.download}?bytes=-1`)).toEqual({ status: 400, reason: 'invalid' });
    expect(await answered(`${ROUTES.download}?bytes=5001`)).toEqual({ status: 413, reason: 'too_large' });
    const body = Buffer.alloc(5001);
    expect(await answered(ROUTES.upload, { method: 'POST', body })).toEqual({ status: 413, reason: 'too_large' });
    expect(await answered(ROUTES.echo)).toEqual({ status: 404, reason: 'not_found' });
  });

  it('is for one transfer at a time', async () => {
    await start({ bytesPerSecond: 1e6 });
    const first = await ask(`${ROUTES.download}?seconds=5`);
    first.resume();
    expect(await answered(`${ROUTES.download}?bytes=1`)).toEqual({ status: 503, reason: 'busy' });
    expect(await answered(ROUTES.upload, { method: 'PUT' })).toEqual({ status: 503, reason: 'busy' });
    first.destroy();
    await expect.poll(async () => (await ask(`${ROUTES.download}?bytes=1`)).resume().statusCode).toBe(200);
  });

  it('is for those who have the token, at about this time, once', async () => {
    await start({}, { token: TOKEN });
    const target = `${ROUTES.download}?bytes=1`;
    expect(await answered(target)).toEqual({ status: 401, reason: 'unauthorized' });
    expect(await answered(target, { token: 'another' })).toEqual({ status: 401, reason: 'unauthorized' });
    const late = { token: TOKEN, at: Date.now() / 1000 - 1000 };
    expect(await answered(target, late)).toEqual({ status: 401, reason: 'clock' });
    expect((await ask(target, { token: TOKEN })).resume().statusCode).toBe(200);
  });

  it('bounds requests and connections, and says so', async () => {
    await start({ requestsPerSecond: 2, connections: 3 });
    const statuses = await Promise.all(
      [1, 2, 3].map(async () => (await ask(`${ROUTES.download}?bytes=0`)).resume().statusCode),
    );
    expect(statuses).toContain(429);
    await expect.poll(() => reflector.connections).toBe(0);
    const idle: Socket[] = [1, 2, 3].map(() => connect(port, '127.0.0.1'));
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    await expect.poll(() => reflector.connections).toBe(3);
    expect(await answered('/')).toEqual({ status: 503, reason: 'too_many_connections' });
    for (const socket of idle) socket.destroy();
    expect(reflector.tally.refusedConnections).toBe(1);
  });

  it('cuts off what takes too long', async () => {
    await start({ transferSeconds: 1, bytesPerSecond: 100_000 });
    const response = await ask(`${ROUTES.download}?bytes=10000000`);
    await expect(text(response)).rejects.toThrow();
    const up = request({ host: '127.0.0.1', port, path: `${ROUTES.upload}?progress`, method: 'POST' });
    up.on('error', () => undefined).write('x');
    const [progress] = (await once(up, 'response')) as [IncomingMessage];
    expect((await text(progress)).trim().split('\n').at(-1)).toContain('"done":true');
    up.destroy();
    await expect.poll(counted).toEqual([
      ['download', 'incomplete', 1],
      ['upload', 'incomplete', 1],
    ]);
  });

  async function echo(token?: string): Promise<{ socket: Socket; head: string }> {
    const socket = connect(port, '127.0.0.1');
    const signed =
      token && `Authorization: ${authorize(token, { method: 'GET', target: ROUTES.echo }, Date.now() / 1000)}\r\n`;
    socket.write(
      `GET ${ROUTES.echo} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${ECHO_UPGRADE}\r\n${signed ?? ''}\r\n`,
    );
    const [head] = await once(socket, 'data');
    return { socket, head: String(head) };
  }

  it('echoes over TCP, to those who have the token', async () => {
    await start({}, { token: TOKEN });
    const { socket, head } = await echo(TOKEN);
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    for (const word of ['hello', 'again']) {
      socket.write(word);
      expect(String((await once(socket, 'data'))[0])).toBe(word);
    }
    socket.end();
    await once(socket, 'close');
    const refused = await echo();
    expect(refused.head).toMatch(/^HTTP\/1\.1 401 .*"unauthorized"/s);
    refused.socket.destroy();
    expect(counted()).toEqual([
      ['echo_tcp', 'done', 1],
      ['echo_tcp', 'unauthorized', 1],
    ]);
  });

  it('echoes over UDP at the same size, to those who have the token, no faster than allowed, and is silent else', async () => {
    await start({ echoesPerSecond: 3 }, { token: TOKEN });
    const socket = createSocket('udp4');
    try {
      const got: Buffer[] = [];
      socket.on('message', (bytes) => got.push(bytes));
      const send = (bytes: Buffer) => new Promise((resolve) => socket.send(bytes, port, '127.0.0.1', resolve));
      const unixSeconds = Date.now() / 1000;
      const echoOf = (token: string) => encodeDatagram(token, { kind: 'request', sequence: 5, unixSeconds }, 100);
      for (const bytes of [Buffer.from('who are you?'), echoOf('another'), echoOf(TOKEN), echoOf(TOKEN)])
        await send(bytes);
      await expect
        .poll(() => counted().toSorted())
        .toEqual([
          ['echo_udp', 'done', 1],
          ['echo_udp', 'limited', 1],
          ['echo_udp', 'malformed', 1],
          ['echo_udp', 'unauthorized', 1],
        ]);
      await expect
        .poll(() => got.map((bytes) => [bytes.length, decodeDatagram(TOKEN, bytes)]))
        .toEqual([[100, { kind: 'reply', sequence: 5, unixSeconds }]]);
    } finally {
      socket.close();
    }
  });

  it.each([
    ['has no MPTCP', 'not_supported'],
    ['cannot load koffi', 'ffi_unavailable'],
  ] as const)('listens over TCP alone where the machine %s, and says why', async (_, code) => {
    const real = await loadLibc();
    const refuse = (): never => {
      throw new ExporterError(code, 'refused for this test');
    };
    const libc: Libc = {
      ...real,
      socket: (domain, type, protocol) => (protocol === 262 ? refuse() : real.socket(domain, type, protocol)),
    };
    await start({}, { libc: async () => (code === 'ffi_unavailable' ? refuse() : libc) });
    expect(reflector.addresses[0]?.withoutMptcp).toMatchObject({ code });
    expect((await ask(`${ROUTES.download}?bytes=1`)).resume().statusCode).toBe(200);
    expect((await renderReflector(reflector, BUILD)).body).toContain(
      `mptcp_reflector_mptcp{address="127.0.0.1:${port}"} 0`,
    );
  });

  it('exposes what it has done', async () => {
    await start();
    await text((await ask(`${ROUTES.download}?bytes=1000`)).setEncoding('latin1'));
    await expect
      .poll(async () => (await renderReflector(reflector, BUILD)).body)
      .toContain('mptcp_reflector_requests_total{service="download",outcome="done"} 1');
    const { body } = await renderReflector(reflector, BUILD);
    expect(body).toContain('mptcp_reflector_sent_bytes_total{service="download"} 1000');
    expect(body).toContain(`mptcp_reflector_mptcp{address="127.0.0.1:${port}"} 1`);
    expect(body).toContain('mptcp_exporter_build_info{version="1.2.3"');
  });

  it('says that an address is taken, and leaves nothing listening', async () => {
    await start();
    const taken = Reflector.start({
      addresses: [{ host: '127.0.0.1', port }],
      token: undefined,
      limits: DEFAULT_LIMITS,
      libc: loadLibc,
      report: () => undefined,
    });
    await expect(taken).rejects.toMatchObject({ code: 'address_in_use', message: `127.0.0.1:${port} is taken` });
  });
});
