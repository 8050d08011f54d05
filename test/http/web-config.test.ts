import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import bcrypt from 'bcryptjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asExporterError, ExporterError } from '../../exporter/src/errors.ts';
import { createApp } from '../../exporter/src/http/app.ts';
import { listen } from '../../exporter/src/http/server.ts';
import { loadWebConfig, type WebConfig } from '../../exporter/src/http/web-config.ts';
import { ask, type Question } from './client.ts';
import { pageModel } from './home.ts';

const HASH = bcrypt.hashSync('s3cret:ü', 4);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'web-'));
  for (const name of ['server', 'other']) {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const files = ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)];
    execFileSync('openssl', ['req', '-x509', ...key, ...files, '-days', '1', ...subject], { stdio: 'ignore' });
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(text: string): Promise<WebConfig> {
  writeFileSync(join(folder, 'web.yml'), text);
  return loadWebConfig(join(folder, 'web.yml'));
}

async function complaint(text: string): Promise<string> {
  const caught = await load(text).catch((error: unknown) => error);
  expect(caught).toBeInstanceOf(ExporterError);
  const { code, line } = asExporterError(caught);
  expect(code).toBe('invalid_configuration');
  expect(line).not.toMatch(/[\n\r]/);
  return line.replaceAll(`${folder}/`, '');
}

/** Serves with a web configuration; gives a way to ask, and closes again. */
async function serving(
  webConfig: WebConfig,
  use: (get: (question?: Partial<Question>) => Promise<number>) => Promise<void>,
) {
  const app = createApp({
    scrape: async () => ({ contentType: 'text/plain', body: 'mptcp_up 1\n' }),
    ready: () => true,
    page: () => pageModel,
    count: () => undefined,
    webConfig,
  });
  const options = { ...(webConfig.tls !== undefined && { tls: webConfig.tls }), report: () => undefined };
  const servers = await listen(app, [{ host: '127.0.0.1', port: 0 }], options);
  const port = servers.addresses[0]?.port ?? 0;
  try {
    await use(async (question = {}) => (await ask('/metrics', { port, ...question })).status);
  } finally {
    await servers.close(0);
  }
}

describe('the web configuration', () => {
  it('may be empty: no TLS, everybody may read', async () => {
    expect(await load('')).toEqual({ users: new Map() });
  });

  it('reads the exporter-toolkit format, files beside it', async () => {
    const { tls, users } = await load(
      `tls_server_config: {cert_file: server.crt, key_file: ${join(folder, 'server.key')}}\nbasic_auth_users:\n  alice: ${HASH}\n`,
    );
    expect(tls?.cert).toBe(readFileSync(join(folder, 'server.crt'), 'utf8'));
    expect(tls?.key).toContain('PRIVATE KEY');
    expect(tls?.minVersion).toBe('TLSv1.2');
    expect(users).toEqual(new Map([['alice', HASH]]));
  });

  const files = 'cert_file: server.crt, key_file: server.key';
  it.each([
    ['tls_config: {}', 'web.yml:1: tls_config: unknown key, expected one of tls_server_config, basic_auth_users'],
    [
      `tls_server_config:\n  cert_file: server.crt\n  keyfile: server.key\n`,
      /^web\.yml:3: tls_server_config\.keyfile: unknown key.*key_file.* \(and 1 more to mend\)$/,
    ],
    [`tls_server_config: {${files}, min_version: TLS10}`, /min_version: expected TLS12 or TLS13/],
    [
      `tls_server_config:\n  cert_file: none.crt\n  key_file: server.key`,
      'web.yml:2: tls_server_config.cert_file: none.crt: cannot be read: no such file or directory (ENOENT)',
    ],
    [
      'tls_server_config: {cert_file: web.yml, key_file: server.key}',
      /^web\.yml:1: tls_server_config\.cert_file: expected a certificate in PEM: /,
    ],
    [
      'tls_server_config:\n  cert_file: server.crt\n  key_file: other.key',
      /^web\.yml:3: tls_server_config\.key_file: expected the unencrypted private key of cert_file in PEM: .*mismatch/,
    ],
    [
      'basic_auth_users:\n  alice: plain-password',
      'web.yml:2: basic_auth_users.alice: expected a bcrypt hash of cost 4 to 14, such as htpasswd -nB USER prints',
    ],
    [`basic_auth_users:\n  alice: ${HASH.replace('$04$', '$31$')}`, /alice: expected a bcrypt hash of cost 4 to 14/],
    ['basic_auth_users:\n  "a:b": x', /^web\.yml:2: basic_auth_users\.a:b: /],
    ['basic_auth_users: [alice]', 'web.yml:1: basic_auth_users: expected a mapping of keys to values, got a list'],
  ])('refuses %j with file, line and key', async (text, expected) => {
    const line = await complaint(text);
    if (typeof expected === 'string') expect(line).toBe(expected);
    else expect(line).toMatch(expected);
    expect(line).not.toContain('plain-password');
  });
});

describe('authentication', () => {
  it('lets the right name and password through and nothing else', async () => {
    await serving({ users: new Map([['alice', HASH]]) }, async (get) => {
      expect(await get()).toBe(401);
      for (let round = 0; round < 2; round += 1) {
        expect(await get({ auth: 'alice:s3cret:ü' })).toBe(200);
        expect(await get({ auth: 'alice:s3cret' })).toBe(401);
        expect(await get({ auth: 'alice:' })).toBe(401);
        expect(await get({ auth: 'bob:s3cret:ü' })).toBe(401);
        expect(await get({ auth: ':' })).toBe(401);
      }
      for (const Authorization of [
        'Basic',
        'Basic !',
        'Basic YQ==',
        'Bearer YWxpY2U6',
        `Basic ${HASH}`,
        'x'.repeat(9000),
      ]) {
        expect(await get({ headers: { Authorization } })).toBe(401);
      }
    });
  });

  it('covers every page, and says how to log in', async () => {
    const app = createApp({
      scrape: async () => ({ contentType: 'text/plain', body: '' }),
      ready: () => true,
      page: () => pageModel,
      count: () => undefined,
      webConfig: { users: new Map([['alice', HASH]]) },
    });
    const servers = await listen(app, [{ host: '127.0.0.1', port: 0 }], { report: () => undefined });
    for (const path of ['/', '/metrics', '/-/healthy', '/-/ready', '/none']) {
      const answer = await ask(path, { port: servers.addresses[0]?.port ?? 0 });
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Basic realm="mptcp-exporter", charset="UTF-8"');
      expect(answer.text).not.toContain('mptcp_');
    }
    await servers.close(0);
  });

  it('goes on serving a known scraper fast while somebody guesses passwords', async () => {
    const users = new Map([['alice', bcrypt.hashSync('right', 11)]]);
    await serving({ users }, async (get) => {
      const login = performance.now();
      expect(await get({ auth: 'alice:right' })).toBe(200);
      const oneCheck = performance.now() - login;
      let guessing = true;
      let guesses = 0;
      const statuses = new Set<number>();
      const guesser = async (name: number) => {
        while (guessing) {
          statuses.add(await get({ auth: `alice:wrong-${name}-${guesses++}` }));
        }
      };
      const guessers = Array.from({ length: 10 }, (_, name) => guesser(name));
      const times: number[] = [];
      for (let scrape = 0; scrape < 40; scrape += 1) {
        const start = performance.now();
        expect(await get({ auth: 'alice:right' })).toBe(200);
        times.push(performance.now() - start);
      }
      guessing = false;
      await Promise.all(guessers);
      times.sort((a, b) => a - b);
      expect(times[20]).toBeLessThan(oneCheck / 3);
      expect([...statuses].sort()).toEqual([401, 503]);
    });
  }, 30_000);
});

describe('TLS', () => {
  it('serves over TLS only, from the version on that is configured', async () => {
    const webConfig = await load(
      `tls_server_config: {cert_file: server.crt, key_file: server.key, min_version: TLS13}\nbasic_auth_users: {alice: ${HASH}}`,
    );
    const ca = readFileSync(join(folder, 'server.crt'), 'utf8');
    await serving(webConfig, async (get) => {
      expect(await get({ ca, auth: 'alice:s3cret:ü' })).toBe(200);
      expect(await get({ ca })).toBe(401);
      await expect(get()).rejects.toThrow(/hang up|ECONNRESET/);
      await expect(get({ ca, maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version/);
      await expect(get({ ca: readFileSync(join(folder, 'other.crt'), 'utf8') })).rejects.toThrow(
        /self-signed|unable to/,
      );
    });
  });

  it('closes at once with idle connections, and after the grace with those still shaking hands', async () => {
    const { tls } = await load('tls_server_config: {cert_file: server.crt, key_file: server.key}');
    const open = async () => {
      const options = { ...(tls !== undefined && { tls }), report: () => undefined };
      const servers = await listen((_, response) => response.end(), [{ host: '127.0.0.1', port: 0 }], options);
      return { servers, port: servers.addresses[0]?.port ?? 0 };
    };
    const first = await open();
    const ready = await new Promise<TLSSocket>((resolve) => {
      const socket = connectTls({ port: first.port, host: '127.0.0.1', rejectUnauthorized: false }, () =>
        resolve(socket),
      );
    });
    let start = performance.now();
    await first.servers.close(5000);
    expect(performance.now() - start).toBeLessThan(1000);
    ready.destroy();

    const second = await open();
    const silent = connect(second.port, '127.0.0.1');
    await once(silent, 'connect');
    await sleep(50);
    start = performance.now();
    await second.servers.close(300);
    expect(performance.now() - start).toBeLessThan(600);
    silent.destroy();
  });
});
