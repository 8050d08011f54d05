import { afterEach, describe, expect, it, vi } from 'vitest';
import { ErrorTally } from '../exporter/src/error-tally.ts';
import type { Part, Reading } from '../exporter/src/mptcp/model.ts';
import { Observer } from '../exporter/src/observer.ts';
import { reading } from './support/scene.ts';

const make = (read: (parts: ReadonlySet<Part>) => Promise<Reading>, sampleIntervalMs = 1000) => {
  const errors = new ErrorTally();
  const source = { name: 'netlink', kernel: 'upstream', read, close: () => undefined } as const;
  const parts = new Set<Part>(['mib', 'sysctl', 'endpoints']);
  const observer = new Observer({
    source,
    rules: [],
    sampleIntervalMs,
    subflowLimit: 200,
    parts,
    errors,
    kernelRelease: '6.18',
  });
  return { observer, errors };
};

afterEach(() => vi.useRealTimers());

describe('the observer', () => {
  it('shares one reading among scrapes of the same moment', async () => {
    const read = vi.fn(async () => reading({}));
    const { observer } = make(read);
    await Promise.all([observer.look(), observer.look(), observer.look(1000)]);
    expect(read).toHaveBeenCalledTimes(1);
    await observer.look();
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('never reads the source twice at once', async () => {
    let running = 0;
    let most = 0;
    const { observer } = make(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running--;
      return reading({});
    }, 10);
    await observer.start();
    for (let i = 0; i < 5; i++) await observer.look();
    await observer.stop();
    expect(most).toBe(1);
  });

  it('answers a scrape in time when the kernel does not, and counts that', async () => {
    const { observer, errors } = make(() => new Promise<Reading>(() => undefined));
    const start = performance.now();
    const { snapshot } = await observer.look(50);
    expect(performance.now() - start).toBeLessThan(1000);
    expect(snapshot.sockets.failure?.code).toBe('timeout');
    expect(snapshot.kernelRelease).toBe('6.18');
    expect([...errors.entries()]).toContainEqual({ origin: 'sockets', code: 'timeout', count: 1 });
  });

  it('turns a source that throws into a failed look, and goes on', async () => {
    const read = vi.fn().mockRejectedValueOnce(new Error('bug')).mockResolvedValue(reading({}));
    const { observer, errors } = make(read);
    expect((await observer.look()).snapshot.sockets.failure).toEqual({ code: 'internal', message: 'bug' });
    expect((await observer.look()).snapshot.sockets.value).toBeDefined();
    expect([...errors.entries()]).toContainEqual({ origin: 'sockets', code: 'internal', count: 1 });
  });

  it('counts what was repaired on the way', async () => {
    const incidents = [{ part: 'sockets', code: 'dump_interrupted' }] as const;
    const { observer, errors } = make(async () => reading({}, { incidents }));
    await observer.look();
    await observer.look();
    expect([...errors.entries()]).toEqual([{ origin: 'sockets', code: 'dump_interrupted', count: 2 }]);
  });

  it('samples at its interval, reads the slow parts less often, and keeps them in between', async () => {
    const asked: ReadonlySet<Part>[] = [];
    const { observer } = make(async (parts) => {
      asked.push(parts);
      return reading(
        {},
        {
          monotonicSeconds: performance.now() / 1000,
          ...(parts.has('mib') && { mib: { value: new Map([['a', 1]]) } }),
        },
      );
    }, 20);
    await observer.start();
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(5), { timeout: 2000 });
    expect(observer.snapshot?.mib?.value?.get('a')).toBe(1);
    await observer.stop();
    const after = asked.length;
    expect(asked[0]?.has('mib')).toBe(true);
    expect(asked.slice(1, 5).every((parts) => !parts.has('mib') && parts.has('sockets'))).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(asked.length).toBe(after);
  });
});
