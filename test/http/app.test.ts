import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ErrorCode, ExporterError } from '../../exporter/src/errors.ts';
import { type AppDependencies, createApp } from '../../exporter/src/http/app.ts';
import { scrapeTimeoutMs } from '../../exporter/src/http/metrics-route.ts';
import { listen, type RunningServers } from '../../exporter/src/http/server.ts';
import { type Answer, ask, type Question } from './client.ts';
import { pageModel } from './home.ts';

const EXPOSITION = `# HELP mptcp_up Says hello.\n${'mptcp_up 1\n'.repeat(500)}`;
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

let servers: RunningServers | undefined;
afterEach(async () => {
  await servers?.close(0);
  servers = undefined;
});

/** Serves an application with good manners except for `changes`; gives a way to ask it and the errors it counts. */
async function start(changes: Partial<AppDependencies> = {}) {
  const counted: ErrorCode[] = [];
  const app = createApp({
    scrape: async () => ({ contentType: CONTENT_TYPE, body: EXPOSITION }),
    ready: () => true,
    page: () => pageModel,
    count: (code) => counted.push(code),
    ...changes,
  });
  servers = await listen(app, [{ host: '127.0.0.1', port: 0 }], { report: () => undefined });
  const port = servers.addresses[0]?.port ?? 0;
  const get = (path: string, question: Partial<Question> = {}) => ask(path, { port, ...question });
  return { get, counted };
}

describe('/metrics', () => {
  it('gives the exposition with its own media type, never cached, with no trace of the framework', async () => {
    const { get } = await start();
    const answer = await get('/metrics');
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(EXPOSITION);
    expect(answer.headers['content-type']).toBe(CONTENT_TYPE);
    expect(answer.headers['content-length']).toBe(String(EXPOSITION.length));
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.headers['x-powered-by']).toBeUndefined();
    expect(answer.headers.etag).toBeUndefined();
  });

  it.each([
    ['gzip', true],
    ['gzip, deflate, br', true],
    ['deflate, gzip;q=0.5', true],
    ['*', true],
    ['gzip;q=0', false],
    ['identity', false],
    ['br', false],
    ['', false],
    [undefined, false],
  ])('compresses for Accept-Encoding %s: %s', async (accepted, compressed) => {
    const { get } = await start();
    const answer = await get('/metrics', { headers: accepted === undefined ? {} : { 'Accept-Encoding': accepted } });
    expect(answer.headers.vary).toBe('Accept-Encoding');
    expect(answer.headers['content-encoding']).toBe(compressed ? 'gzip' : undefined);
    expect(answer.headers['content-length']).toBe(String(answer.bytes.length));
    expect(String(compressed ? gunzipSync(answer.bytes) : answer.text)).toBe(EXPOSITION);
    if (compressed) expect(answer.bytes.length).toBeLessThan(EXPOSITION.length / 10);
  });

  it('answers HEAD with the same headers and no body', async () => {
    const { get } = await start();
    const answer = await get('/metrics', { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-length']).toBe(String(EXPOSITION.length));
    expect(answer.bytes.length).toBe(0);
  });

  it('is not turned into 304 by a conditional request', async () => {
    const { get } = await start();
    const headers = { 'If-None-Match': '*', 'If-Modified-Since': new Date().toUTCString() };
    expect((await get('/metrics', { headers })).status).toBe(200);
    expect((await get('/', { headers })).status).toBe(200);
  });

  it('tells the scrape how long the scraper waits, less a margin', async () => {
    const scrape = vi.fn(async () => ({ contentType: CONTENT_TYPE, body: '' }));
    const { get } = await start({ scrape });
    await get('/metrics', { headers: { 'X-Prometheus-Scrape-Timeout-Seconds': '10' } });
    await get('/metrics', { headers: { 'X-Prometheus-Scrape-Timeout-Seconds': 'soon' } });
    await get('/metrics');
    expect(scrape.mock.calls).toEqual([[{ timeoutMs: 9500 }], [{}], [{}]]);
  });

  it.each([
    ['10', 9500],
    ['5', 4500],
    ['1', 900],
    ['0.5', 450],
    ['3600', 3_599_500],
    ['0', undefined],
    ['-1', undefined],
    ['3601', undefined],
    ['1e3', undefined],
    ['Infinity', undefined],
    ['NaN', undefined],
    ['0x10', undefined],
    ['10s', undefined],
    ['10, 20', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('understands a timeout of %s seconds as %s ms', (header, milliseconds) => {
    expect(scrapeTimeoutMs(header)).toBe(milliseconds);
  });

  it('answers 40 scrapes at once, refuses more at once, and takes new ones when those are done', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let entered = 0;
    const { get, counted } = await start({
      scrape: async () => {
        entered += 1;
        await gate;
        return { contentType: CONTENT_TYPE, body: EXPOSITION };
      },
    });
    const open = Array.from({ length: 40 }, () => get('/metrics'));
    await vi.waitFor(() => expect(entered).toBe(40));
    const refused = await get('/metrics');
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.text).toBe('more than 40 scrapes at once\n');
    expect(counted).toEqual(['overloaded']);
    expect((await get('/-/healthy')).status).toBe(200);
    release();
    expect((await Promise.all(open)).map(({ text }) => text)).toEqual(Array(40).fill(EXPOSITION));
    expect((await get('/metrics')).status).toBe(200);
  });

  it('gives the place of a scraper that went away to the next', async () => {
    let entered = 0;
    const { get } = await start({
      scrape: async () => {
        entered += 1;
        return entered <= 40 ? new Promise(() => undefined) : { contentType: CONTENT_TYPE, body: EXPOSITION };
      },
    });
    const gone = Array.from({ length: 40 }, () =>
      get('/metrics', { signal: AbortSignal.timeout(300) }).catch(() => 'gone'),
    );
    expect(await Promise.all(gone)).toEqual(Array(40).fill('gone'));
    await vi.waitFor(async () => expect((await get('/metrics')).status).toBe(200));
  });

  it.each(['gzip', 'identity'])('lets go of the text once it has been sent, as %s', async (encoding) => {
    const body = Buffer.from(EXPOSITION);
    const release = vi.fn(() => body.fill(0));
    const { get } = await start({ scrape: async () => ({ contentType: CONTENT_TYPE, body, release }) });
    const answer = await get('/metrics', { headers: { 'Accept-Encoding': encoding } });
    expect(encoding === 'gzip' ? gunzipSync(answer.bytes).toString() : answer.text).toBe(EXPOSITION);
    await vi.waitFor(() => expect(release).toHaveBeenCalledOnce());
  });

  it('lets go of the text also when the scraper has gone before it was there', async () => {
    const release = vi.fn();
    let finish: () => void = () => undefined;
    const late = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { get } = await start({
      scrape: async () => {
        await late;
        return { contentType: CONTENT_TYPE, body: Buffer.from(EXPOSITION), release };
      },
    });
    await get('/metrics', { signal: AbortSignal.timeout(300) }).catch(() => undefined);
    finish();
    await vi.waitFor(() => expect(release).toHaveBeenCalledOnce());
  });

  it('turns an error into one counted line without a stack', async () => {
    const remedy = 'Load the module';
    const errors = [
      new ExporterError('timeout', 'the kernel did not answer', { remedy }),
      new Error('bug\n    at secret.ts:1'),
    ];
    const { get, counted } = await start({
      scrape: async () => {
        throw errors.shift();
      },
    });
    const first = await get('/metrics', { headers: { 'Accept-Encoding': 'gzip' } });
    expect([first.status, first.text]).toEqual([500, 'the kernel did not answer. Load the module\n']);
    expect(first.headers['content-encoding']).toBeUndefined();
    const second = await get('/metrics');
    expect([second.status, second.text]).toEqual([500, 'bug\n']);
    expect(counted).toEqual(['timeout', 'internal']);
  });
});

describe('health', () => {
  it('is healthy always and ready once there is something to scrape', async () => {
    let ready = false;
    const { get } = await start({ ready: () => ready });
    expect(await statusAndText(get('/-/healthy'))).toEqual([200, 'Healthy\n']);
    expect(await statusAndText(get('/-/ready'))).toEqual([503, 'Not ready: the kernel has not been read yet\n']);
    ready = true;
    expect(await statusAndText(get('/-/ready'))).toEqual([200, 'Ready\n']);
  });
});

describe('/', () => {
  it('is the landing page under a policy that allows nothing from elsewhere', async () => {
    const { get } = await start();
    const answer = await get('/');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(answer.text).toContain('MPTCP is on: 3 connections over 3 paths');
  });

  it('does not take the program with it when it cannot be made', async () => {
    const { get, counted } = await start({
      page: () => {
        throw new Error('bug');
      },
    });
    expect((await get('/')).status).toBe(500);
    expect(counted).toEqual(['internal']);
    expect((await get('/metrics')).status).toBe(200);
  });
});

describe('anything else', () => {
  it.each(['/none', '/metrics/', '/METRICS', '/%E0%A4%A', '/%2e%2e/', '//', '/metrics%00', '/-/'])(
    '%s is not found, in plain text',
    async (path) => {
      const { get } = await start();
      const answer = await get(path);
      expect(answer.status).toBe(404);
      expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
      expect(answer.text).toBe('Not found. There are /, /metrics, /-/healthy and /-/ready\n');
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'])(
    '%s is not allowed, and says what is',
    async (method) => {
      const { get } = await start();
      for (const path of ['/metrics', '/', '/none']) {
        const answer = await get(path, { method });
        expect(answer.status).toBe(405);
        expect(answer.headers.allow).toBe('GET, HEAD');
      }
    },
  );

  it('ignores the query string', async () => {
    const { get } = await start();
    expect((await get('/metrics?a[b]=c&__proto__=d')).status).toBe(200);
  });

  it('refuses headers beyond what Node allows', async () => {
    const { get } = await start();
    const answer = await get('/metrics', { headers: { 'X-Long': 'x'.repeat(20_000) } });
    expect(answer.status).toBe(431);
  });
});

async function statusAndText(answer: Promise<Answer>): Promise<[number, string]> {
  const { status, text } = await answer;
  return [status, text];
}
