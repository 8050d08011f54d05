import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LatencySettings } from '../../exporter/src/config/probes/settings.ts';
import { type Libc, loadLibc } from '../../exporter/src/linux/libc.ts';
import { Account } from '../../exporter/src/probe/account.ts';
import type { LatencyProbe, ProbeRun } from '../../exporter/src/probe/probe.ts';
import { tcp } from '../../exporter/src/probe/tcp.ts';
import { tcpEcho } from '../../exporter/src/probe/tcp-echo.ts';
import { udp } from '../../exporter/src/probe/udp.ts';
import { DEFAULT_LIMITS } from '../../exporter/src/reflector/limits.ts';
import { Reflector } from '../../exporter/src/reflector/reflector.ts';
import { openSockets } from '../support/descriptors.ts';

let libc: Libc;
let folder: string;
let reflector: Reflector;
let port: number;

const TOKEN = 'a-token-of-this-test';

beforeAll(async () => {
  libc = await loadLibc();
  folder = mkdtempSync(join(tmpdir(), 'echo-'));
  writeFileSync(join(folder, 'token'), TOKEN);
  writeFileSync(join(folder, 'other'), 'another-token-than-that');
  const report = () => undefined;
  const addresses = [
    { host: '127.0.0.1', port: 0 },
    { host: '::1', port: 0 },
  ];
  reflector = await Reflector.start({
    addresses,
    token: TOKEN,
    limits: DEFAULT_LIMITS,
    libc: async () => libc,
    report,
  });
  port = reflector.addresses[0]?.port ?? 0;
});
afterAll(async () => {
  await reflector?.close();
  rmSync(folder, { recursive: true, force: true });
});

const closers: (() => void)[] = [];
function closeAll(): void {
  for (const close of closers.splice(0)) close();
}
afterEach(closeAll);

interface Asked {
  readonly address?: string;
  readonly port?: number;
  readonly token?: string;
  readonly timeoutSeconds?: number;
  readonly interfaceName?: string;
  readonly payloadBytes?: number;
}

/** One run, and what it cost. */
async function ask(
  probe: LatencyProbe,
  { address = '127.0.0.1', timeoutSeconds = 5, token = 'token', interfaceName = 'lo', ...asked }: Asked,
) {
  const settings: LatencySettings = {
    type: 'udp',
    target: { text: 'there', host: address, port: asked.port ?? port },
    timetable: { intervalSeconds: 1, jitterSeconds: 0 },
    timeoutSeconds,
    payloadBytes: asked.payloadBytes ?? 64,
    tokenFile: join(folder, token),
  };
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutSeconds * 1000);
  const account = new Account();
  const run: ProbeRun<LatencySettings> = {
    settings,
    path: 'p',
    interfaceName,
    localAddress: address,
    address,
    timeoutSeconds,
    signal: abort.signal,
    meter: account.meter('p', () => undefined),
    libc: async () => libc,
    run: () => Promise.reject(new Error('no program')),
  };
  const result = await probe.run(run);
  clearTimeout(timer);
  return { result, spent: account.spent.get('p'), mostBytes: probe.mostBytes(settings) };
}

/** A TCP server that treats each connection so; gives its port. */
async function server(treat: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const listening = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    treat(socket);
  }).listen(0, '127.0.0.1');
  closers.push(() => {
    listening.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(listening, 'listening');
  return (listening.address() as AddressInfo).port;
}

const onRequest = (answer: (socket: Socket) => void) => server((socket) => socket.once('data', () => answer(socket)));

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n';

describe.each([
  ['udp', udp],
  ['tcp', tcp],
  ['tcp-echo', tcpEcho],
] as const)('%s', (_, probe) => {
  it.each(['127.0.0.1', '::1'])(
    'gets an answer of the reflector on %s, and counts within what it foretold',
    async (address) => {
      const at = reflector.addresses.find(({ host }) => host === address);
      const { result, spent, mostBytes } = await ask(probe, { address, ...(at !== undefined && { port: at.port }) });
      expect(result).toMatchObject({ ok: true, value: { rttSeconds: expect.any(Number) } });
      if (result.ok) {
        expect(result.value.rttSeconds).toBeGreaterThan(0);
        expect(result.value.rttSeconds).toBeLessThan(2);
      }
      expect(spent?.sentBytes).toBeGreaterThan(60);
      expect(spent?.receivedBytes).toBeGreaterThan(60);
      expect((spent?.sentBytes ?? 0) + (spent?.receivedBytes ?? 0)).toBeLessThanOrEqual(mostBytes);
    },
  );

  it('is refused where nothing listens', async () => {
    const closed = await server(() => undefined);
    closeAll();
    await expect(ask(probe, { port: closed })).resolves.toMatchObject({ result: { ok: false, reason: 'refused' } });
  });

  it('says so when its interface is not there', async () => {
    await expect(ask(probe, { interfaceName: 'nosuch0' })).resolves.toMatchObject({
      result: { ok: false, reason: 'unreachable' },
    });
  });

  it('leaves no socket open, whatever came of it', { timeout: 30_000 }, async () => {
    const silent = await server(() => undefined);
    const before = openSockets();
    for (let run = 0; run < 5; run++) {
      await ask(probe, {});
      await ask(probe, { port: silent, timeoutSeconds: 0.05 });
      await ask(probe, { interfaceName: 'nosuch0' });
    }
    closeAll();
    await expect.poll(openSockets, { timeout: 5000 }).toBeLessThanOrEqual(before);
  });
});

describe('an echo', () => {
  it('over UDP is not answered to those with another token', async () => {
    const { result, spent } = await ask(udp, { token: 'other', timeoutSeconds: 0.3 });
    expect(result).toMatchObject({ ok: false, reason: 'timeout' });
    expect(spent).toEqual({ sentBytes: 64 + 28, receivedBytes: 0 });
  });

  it('over UDP is told from any other answer', async () => {
    const socket = createSocket('udp4');
    closers.push(() => socket.close());
    socket.on('message', (_, from) => socket.send(Buffer.alloc(64), from.port, from.address)).bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { result } = await ask(udp, { port: socket.address().port });
    expect(result).toMatchObject({ ok: false, reason: 'wrong_answer' });
  });

  it('over UDP is told from what was asked before', async () => {
    const socket = createSocket('udp4');
    closers.push(() => socket.close());
    const kept: Buffer[] = [];
    socket.on('message', (bytes, from) => {
      kept.push(bytes);
      socket.send(kept[0] ?? bytes, from.port, from.address);
    });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    for (let run = 0; run < 2; run++) {
      const { result } = await ask(udp, { port: socket.address().port });
      expect(result).toMatchObject({ ok: false, reason: 'wrong_answer' });
    }
  });

  it('over TCP with another token is unauthorised', async () => {
    await expect(ask(tcpEcho, { token: 'other' })).resolves.toMatchObject({
      result: { ok: false, reason: 'unauthorised' },
    });
  });

  it.each<[string, (socket: Socket) => void, string]>([
    ['a web server', (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nhello'), 'wrong_answer'],
    ['a mail server', (socket) => socket.write('220 mail.example.org ESMTP\r\n'), 'wrong_answer'],
    ['a busy reflector', (socket) => socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n'), 'busy'],
    ['silence', () => undefined, 'timeout'],
    ['the end', (socket) => socket.end(), 'broken'],
    ['a reset', (socket) => socket.resetAndDestroy(), 'broken'],
    ['half an answer', (socket) => socket.end('HTTP/1.1 101 Swi'), 'broken'],
    ['an endless line', (socket) => socket.write('x'.repeat(10_000)), 'wrong_answer'],
    ['no echo', (socket) => socket.write(SWITCHING), 'timeout'],
    [
      'another echo',
      (socket) => socket.write(SWITCHING, () => socket.once('data', (data) => socket.write(Buffer.alloc(data.length)))),
      'wrong_answer',
    ],
    [
      'half an echo',
      (socket) => socket.write(SWITCHING, () => socket.once('data', (data) => socket.end(data.subarray(1)))),
      'broken',
    ],
  ])('over TCP that meets %s fails for its reason', async (_, answer, reason) => {
    const { result } = await ask(tcpEcho, { port: await onRequest(answer), timeoutSeconds: 0.5 });
    expect(result).toMatchObject({ ok: false, reason });
  });

  it.each(['udp', 'tcp-echo'] as const)('by %s without its token file says so', async (type) => {
    const { result } = await ask(type === 'udp' ? udp : tcpEcho, { token: 'none' });
    expect(result).toMatchObject({
      ok: false,
      reason: 'unauthorised',
      message: expect.stringContaining('no such file'),
    });
  });
});
