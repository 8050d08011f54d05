import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../../exporter/src/linux/tool/exec.ts';

const BOUNDS = { timeoutMs: 10_000, maxBytes: 1024 * 1024 };

const node = (script: string, bounds: Parameters<typeof run>[2] = BOUNDS) => run('node', ['-e', script], bounds);

/** A word for a command line by which its process can be found. */
const mark = () => `mark-${process.pid}-${Math.random().toString(36).slice(2)}`;

/** Processes whose command line contains the word. */
function processesWith(word: string): number {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(word);
    } catch {
      return false; // it has ended meanwhile
    }
  }).length;
}

async function duration(promise: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await promise.catch(() => undefined);
  return performance.now() - start;
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('run', () => {
  it('gives what the program wrote, as UTF-8', async () => {
    expect(await run('printf', ['grün\\n'], BOUNDS)).toBe('grün\n');
  });

  it('passes arguments as they are, without a shell', async () => {
    expect(await run('printf', ['%s|%s', '$HOME; id', '*'], BOUNDS)).toBe('$HOME; id|*');
  });

  it('gives programs the C locale, no input and nothing else of our environment', async () => {
    vi.stubEnv('LC_ALL', 'de_DE.UTF-8');
    vi.stubEnv('SECRET', 'x');
    const variables = (await run('env', [], BOUNDS)).split('\n').filter(Boolean);
    expect(variables.map((line) => line.split('=', 1)[0]).sort()).toEqual(['LC_ALL', 'PATH']);
    expect(variables).toContain('LC_ALL=C');
    expect(await run('cat', [], BOUNDS)).toBe('');
  });

  it.each(['/usr/games', '', undefined])('finds administration programs when the PATH is %j', async (path) => {
    vi.stubEnv('PATH', path);
    expect(await run('ip', ['-V'], BOUNDS)).toContain('iproute2');
  });

  it('quotes what the program complains about when asked to, in one short line', async () => {
    const script = 'console.error("no\\n way"); console.error("x".repeat(100_000)); process.exitCode = 3';
    const failing = node(script, { ...BOUNDS, quoteErrors: true });
    await expect(failing).rejects.toMatchObject({
      code: 'tool_failed',
      message: expect.stringMatching(/code 3: no way x+$/),
    });
    await failing.catch(({ message }: Error) => expect(message.length).toBeLessThan(500));
  });

  it('ends a program whose result is not wanted any more', async () => {
    const word = mark();
    const abort = new AbortController();
    const running = run('node', ['-e', 'setInterval(() => {}, 1000)', word], { ...BOUNDS, signal: abort.signal });
    await expect.poll(() => processesWith(word), { timeout: 10_000 }).toBe(1);
    abort.abort();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    await expect.poll(() => processesWith(word), { timeout: 10_000 }).toBe(0);
    await expect(run('true', [], { ...BOUNDS, signal: abort.signal })).rejects.toMatchObject({ code: 'interrupted' });
  });

  it('discards what the program complains about', async () => {
    expect(await node('console.error("Failed to find cgroup2 mount"); console.log("fine")')).toBe('fine\n');
  });

  it('says that a program is missing, and what to do', async () => {
    await expect(run('no-such-program', [], BOUNDS)).rejects.toMatchObject({
      code: 'tool_missing',
      message: 'no-such-program is not installed or not in the PATH',
      remedy: 'Install no-such-program.',
    });
  });

  it('says that a program may not be run', async () => {
    await expect(run('/etc', [], BOUNDS)).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('says how a program ended that failed', async () => {
    await expect(node('process.exit(3)')).rejects.toMatchObject({
      code: 'tool_failed',
      message: 'node -e process.exit(3) ended with exit code 3',
    });
    await expect(node('process.kill(process.pid, "SIGKILL")')).rejects.toMatchObject({
      code: 'tool_failed',
      message: expect.stringContaining('was ended by SIGKILL'),
    });
  });

  it('gives the output of a program whose exit code is an answer', async () => {
    const script = 'console.log("half"); process.exitCode = 1';
    expect(await node(script, { ...BOUNDS, acceptedExitCodes: [1] })).toBe('half\n');
    await expect(node(script, { ...BOUNDS, acceptedExitCodes: [2] })).rejects.toMatchObject({ code: 'tool_failed' });
  });
});

describe('a program that does not end', () => {
  it('is ended after the time allowed', async () => {
    const word = mark();
    const promise = node(`setInterval(() => {}, 1000) // ${word}`, { ...BOUNDS, timeoutMs: 500 });
    const took = duration(promise);
    await expect(promise).rejects.toMatchObject({ code: 'timeout', message: 'node did not finish within 500 ms' });
    expect(await took).toBeLessThan(2000);
    expect(processesWith(word)).toBe(0);
  });

  it('is killed when it does not listen', async () => {
    const word = mark();
    const script = `process.on("SIGTERM", () => {}); setInterval(() => {}, 1000) // ${word}`;
    const promise = node(script, { ...BOUNDS, timeoutMs: 1000 });
    const took = duration(promise);
    await expect(promise).rejects.toMatchObject({ code: 'timeout' });
    expect(await took).toBeLessThan(3000);
    expect(processesWith(word)).toBe(0);
  });

  it('is not waited for through a grandchild that holds its output open', async () => {
    const promise = run('sh', ['-c', 'sleep 5 & exit 0'], { ...BOUNDS, timeoutMs: 300 });
    const took = duration(promise);
    await expect(promise).rejects.toMatchObject({ code: 'timeout' });
    expect(await took).toBeLessThan(3000);
  });

  it('ends with us', async () => {
    const word = mark();
    const module = new URL('../../../exporter/src/linux/tool/exec.ts', import.meta.url).href;
    const script = `
      import { run } from '${module}';
      const child = run('node', ['-e', 'setInterval(() => {}, 1000) // ${word}-child'], { timeoutMs: 60000, maxBytes: 1 });
      child.catch(() => process.exit(1));
      setTimeout(() => process.exit(7), 500);
    `;
    const ended = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script]);
    expect(ended.status, ended.stderr.toString()).toBe(7);
    await vi.waitFor(() => expect(processesWith(`${word}-child`)).toBe(0));
  }, 30_000);
});

describe('a program that writes too much', () => {
  it('is killed at the bound, however long it would go on', async () => {
    const promise = run('yes', [], { timeoutMs: 10_000, maxBytes: 100_000 });
    const took = duration(promise);
    await expect(promise).rejects.toMatchObject({
      code: 'output_too_large',
      message: 'yes wrote more than 100000 bytes',
    });
    expect(await took).toBeLessThan(2000);
  });

  it('is killed when it then sits still', async () => {
    const word = mark();
    const script = `process.stdout.write("x".repeat(20000)); setInterval(() => {}, 1000) // ${word}`;
    const promise = node(script, { timeoutMs: 10_000, maxBytes: 10_000 });
    const took = duration(promise);
    await expect(promise).rejects.toMatchObject({ code: 'output_too_large' });
    expect(await took).toBeLessThan(3000);
    expect(processesWith(word)).toBe(0);
  });

  it('is not one that writes exactly the bound', async () => {
    const script = 'process.stdout.write("x".repeat(10000))';
    expect(await node(script, { ...BOUNDS, maxBytes: 10_000 })).toHaveLength(10_000);
  });
});

describe('many programs at once', () => {
  it('all give their answer, but no more than eight run at a time', async () => {
    const word = mark();
    let most = 0;
    const answers = Array.from({ length: 20 }, (_, index) =>
      node(`setTimeout(() => console.log(${index}), 100) // ${word}`),
    );
    const all = Promise.all(answers);
    let going = true;
    void all.finally(() => {
      going = false;
    });
    while (going) {
      most = Math.max(most, processesWith(word));
      await sleep(10);
    }
    expect(await all).toEqual(Array.from({ length: 20 }, (_, index) => `${index}\n`));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(8);
  });

  it('do not keep one waiting beyond its time', async () => {
    const busy = Array.from({ length: 8 }, () => run('sleep', ['1'], BOUNDS));
    const took = duration(run('printf', ['x'], { ...BOUNDS, timeoutMs: 200 }));
    await expect(run('printf', ['x'], { ...BOUNDS, timeoutMs: 200 })).rejects.toMatchObject({ code: 'timeout' });
    expect(await took).toBeLessThan(900);
    await Promise.all(busy);
    expect(await run('printf', ['x'], { ...BOUNDS, timeoutMs: 500 })).toBe('x');
  });
});
