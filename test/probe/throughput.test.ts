import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Direction } from '../../exporter/src/config/probes/settings.ts';
import { loadLibc } from '../../exporter/src/linux/libc.ts';
import type { Measurement, ProbeResult } from '../../exporter/src/probe/probe.ts';
import { throughput } from '../../exporter/src/probe/throughput.ts';
import { DEFAULT_LIMITS, type ReflectorLimits } from '../../exporter/src/reflector/limits.ts';
import { Reflector } from '../../exporter/src/reflector/reflector.ts';
import { openSockets } from '../support/descriptors.ts';
import { loopbackLeg, loopbackSettings } from '../support/leg-run.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const DIRECTIONS = ['up', 'down'] as const;

let folder: string;
let sockets: number;
const reflectors: Reflector[] = [];
const servers: Server[] = [];

async function reflector(limits: Partial<ReflectorLimits> = {}, token?: string): Promise<number> {
  const started = await Reflector.start({
    addresses: [{ host: '127.0.0.1', port: 0 }],
    token,
    limits: { ...DEFAULT_LIMITS, ...limits },
    libc: loadLibc,
    report: (error) => expect(error).toBeUndefined(),
  });
  reflectors.push(started);
  return started.addresses[0]?.port ?? 0;
}

/** A server that is none of ours; gives its port. */
async function server(talk: (socket: Socket) => void): Promise<number> {
  const made = createServer((socket) => {
    socket.on('error', () => undefined);
    talk(socket);
  }).listen(0, '127.0.0.1');
  servers.push(made);
  await once(made, 'listening');
  return (made.address() as AddressInfo).port;
}

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const reasonOf = (result: ProbeResult<Measurement>): string => (result.ok ? 'ok' : result.reason);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mptcp-throughput-'));
  await loadLibc();
  sockets = openSockets();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  await Promise.all(reflectors.splice(0).map((each) => each.close()));
  for (const each of servers.splice(0)) {
    each.close();
    each.unref();
  }
  await expect.poll(openSockets, { timeout: 5000 }).toBe(sockets); // nothing is left behind, however it ended
});

describe('throughput', { timeout: 30_000 }, () => {
  it.each(
    DIRECTIONS.flatMap((direction) => (['tcp', 'mptcp'] as const).map((protocol) => [direction, protocol] as const)),
  )(
    '%s over %s is what a reflector allows, with round trips meanwhile and every byte told',
    async (direction, protocol) => {
      const port = await reflector({ bytesPerSecond: 2e6 }, TOKEN);
      const settings = loopbackSettings(port, { tokenFile: file('token', TOKEN), durationSeconds: 1.5 });
      const { leg, told } = loopbackLeg(settings, { direction }, { protocol });
      const result = await throughput.run(leg);
      if (!result.ok) throw new Error(result.message);
      const { bytes, seconds, loadedRttSeconds } = result.value;
      expect(bytes / seconds).toBeLessThan(2e6 * 1.5);
      expect(bytes / seconds).toBeGreaterThan(2e6 * 0.3); // a busy machine is slower, never faster
      expect(loadedRttSeconds.length).toBeGreaterThan(0);
      expect(told[direction === 'up' ? 'sent' : 'received']).toBeGreaterThanOrEqual(bytes);
    },
  );

  it.each(DIRECTIONS)(
    '%s ends before more is moved than the budget leaves, or the settings allow',
    async (direction) => {
      const port = await reflector();
      for (const [rest, limit] of [
        [{ remaining: 5e6 }, 5e6],
        [{}, 3e6],
      ] as const) {
        const settings = loopbackSettings(port, limit === 3e6 ? { maximumBytes: 2.5e6 } : {});
        const { leg, told } = loopbackLeg(settings, { direction }, rest);
        const result = await throughput.run(leg);
        expect(told.sent + told.received).toBeLessThanOrEqual(limit);
        expect(told.sent + told.received).toBeGreaterThan(1e6);
        // So few bytes may be gone in no time, of which nothing can be said.
        expect(['ok', 'broken']).toContain(reasonOf(result));
      }
      const { leg } = loopbackLeg(loopbackSettings(port), { direction }, { remaining: 1000 });
      expect(reasonOf(await throughput.run(leg))).toBe('budget_exhausted');
    },
  );

  it('tells that the reflector is busy with another', async () => {
    const port = await reflector({ bytesPerSecond: 1e6 });
    const long = loopbackLeg(loopbackSettings(port, { durationSeconds: 1.5 }), { direction: 'down' });
    const first = throughput.run(long.leg);
    await expect.poll(() => long.told.received).toBeGreaterThan(100_000);
    for (const direction of DIRECTIONS) {
      const { leg } = loopbackLeg(loopbackSettings(port), { direction });
      expect(await throughput.run(leg)).toMatchObject({
        ok: false,
        reason: 'busy',
        message: expect.stringContaining('another transfer runs'),
      });
    }
    expect((await first).ok).toBe(true);
  });

  it.each([
    ['without a token', undefined],
    ['with another token', 'ffffffffffffffffffffffffffffffff'],
    ['with a token file that is no more there', ''],
  ])('is refused %s', async (_, token) => {
    const port = await reflector({}, TOKEN);
    const tokenFile = token === undefined ? {} : { tokenFile: token === '' ? '/nowhere' : file('other', token) };
    const { leg } = loopbackLeg(loopbackSettings(port, tokenFile), { direction: 'down' });
    expect(reasonOf(await throughput.run(leg))).toBe('unauthorised');
  });

  const answer =
    (head: string, body = '') =>
    (socket: Socket) => {
      socket.once('data', () => socket.end(`${head}\r\n\r\n${body}`));
    };
  it.each([
    ['closes at once', (socket: Socket) => socket.destroy(), 'broken'],
    ['is another web server', answer('HTTP/1.1 200 OK\r\nContent-Length: 5', 'hello'), 'wrong_answer'],
    ['knows nothing there', answer('HTTP/1.1 404 Not Found\r\nContent-Length: 0'), 'wrong_answer'],
    ['speaks something else', answer('220 ftp.example.org ready'), 'wrong_answer'],
    ['speaks another version', answer('HTTP/1.1 200 OK\r\nmptcp-reflector: 9\r\nContent-Length: 0'), 'wrong_answer'],
    ['never answers', () => undefined, 'timeout'],
    [
      'stops in the middle',
      (socket: Socket) => {
        socket.once('data', () =>
          socket.write('HTTP/1.1 200 OK\r\nmptcp-reflector: 1\r\nContent-Length: 9999\r\n\r\n{'),
        );
      },
      'stalled',
    ],
  ] as const)(
    'tells why from a server that %s',
    async (_, talk, reason) => {
      const port = await server(talk);
      await Promise.all(
        DIRECTIONS.map(async (direction) => {
          const { leg } = loopbackLeg(loopbackSettings(port), { direction });
          expect(reasonOf(await throughput.run(leg)), direction).toBe(reason);
        }),
      );
    },
    20_000,
  );

  it('tells what the network says: refused, no such interface, and over MPTCP a server without it', async () => {
    const port = await server(answer('HTTP/1.1 200 OK'));
    const settings = loopbackSettings(port);
    const down = { direction: 'down' } as const;
    expect(reasonOf(await throughput.run(loopbackLeg(settings, down, { protocol: 'mptcp' }).leg))).toBe('fell_back');
    const gone = loopbackLeg(settings, down, { interfaceName: 'nosuch0' });
    expect(reasonOf(await throughput.run(gone.leg))).toBe('unreachable');
    servers.splice(0).forEach((each) => {
      each.close();
    });
    expect(reasonOf(await throughput.run(loopbackLeg(settings, down).leg))).toBe('refused');
  });

  it.each(DIRECTIONS)('%s ends at once when it is not wanted any more', async (direction: Direction) => {
    const port = await reflector({ bytesPerSecond: 1e6 });
    const abort = new AbortController();
    const { leg, told } = loopbackLeg(
      loopbackSettings(port, { durationSeconds: 5 }),
      { direction },
      { signal: abort.signal },
    );
    const running = throughput.run(leg);
    await expect.poll(() => told.sent + told.received).toBeGreaterThan(100_000);
    const at = performance.now();
    abort.abort();
    expect(reasonOf(await running)).toBe('timeout');
    expect(performance.now() - at).toBeLessThan(1500);
  });
});
