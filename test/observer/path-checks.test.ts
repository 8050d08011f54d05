import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ExporterError } from '../../exporter/src/errors.ts';
import type { CheckRequest, CheckResult } from '../../exporter/src/mptcp/health/states.ts';
import { PathChecks } from '../../exporter/src/observer/path-checks.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const request = (path: string): CheckRequest => ({
  path,
  interfaceName: path,
  localAddress: '192.0.2.2',
  peer: { address: '192.0.2.1', port: 443 },
  verdictSeconds: 1.2,
  timeoutSeconds: 4.5,
});

/** A machine on which connects end when the test says so, or at their time or signal, as real ones do. */
class Machine {
  readonly begun: string[] = [];
  readonly results: (Pick<CheckResult, 'path' | 'alive'> & { after: number })[] = [];
  readonly failures: [path: string, code: string][] = [];
  readonly #pending = new Map<string, { answer: (answered: boolean) => void; fail: (error: Error) => void }>();
  readonly #start = performance.now() / 1000;
  readonly checks = new PathChecks({
    connect: ({ path, timeoutSeconds }, signal) =>
      new Promise((answer, fail) => {
        this.begun.push(path);
        const timer = setTimeout(answer, timeoutSeconds * 1000, false);
        const end = (act: () => void) => {
          clearTimeout(timer);
          act();
        };
        signal.addEventListener('abort', () => end(() => answer(false)));
        this.#pending.set(path, {
          answer: (answered) => end(() => answer(answered)),
          fail: (error) => end(() => fail(error)),
        });
      }),
    onResult: ({ path, alive, monotonicSeconds }) => {
      this.results.push({ path, alive, after: Math.round((monotonicSeconds - this.#start) * 1000) / 1000 });
    },
    onFailure: ({ code }, path) => this.failures.push([path, code]),
  });

  async answer(path: string, answered = true): Promise<void> {
    this.#pending.get(path)?.answer(answered);
    await vi.advanceTimersByTimeAsync(0);
  }

  async fail(path: string, error: Error): Promise<void> {
    this.#pending.get(path)?.fail(error);
    await vi.advanceTimersByTimeAsync(0);
  }
}

const gone = new ExporterError('unreachable', 'gone');

describe('path checks', () => {
  it('report a path alive as soon as its peer answers', async () => {
    const machine = new Machine();
    machine.checks.start([request('a')]);
    await vi.advanceTimersByTimeAsync(30);
    await machine.answer('a');
    expect(machine.results).toEqual([{ path: 'a', alive: true, after: 0.03 }]);
    expect(machine.checks.counts).toEqual(new Map([['a', { alive: 1, dead: 0, failed: 0 }]]));
    expect(vi.getTimerCount()).toBe(0);
  });

  it('report it dead at the time for the verdict, once, and count that', async () => {
    const machine = new Machine();
    machine.checks.start([request('a')]);
    await vi.advanceTimersByTimeAsync(1199);
    expect(machine.results).toEqual([]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(machine.results).toEqual([{ path: 'a', alive: false, after: 1.2 }]);
    expect(machine.checks.counts.get('a')).toEqual({ alive: 0, dead: 1, failed: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('go on waiting after that verdict and report the answer when it comes, without counting the check twice', async () => {
    const machine = new Machine();
    machine.checks.start([request('a')]);
    await vi.advanceTimersByTimeAsync(3000);
    await machine.answer('a');
    expect(machine.results).toEqual([
      { path: 'a', alive: false, after: 1.2 },
      { path: 'a', alive: true, after: 3 },
    ]);
    expect(machine.checks.counts.get('a')).toEqual({ alive: 0, dead: 1, failed: 0 });
    expect(machine.begun).toEqual(['a']);
  });

  it('do not wait for the verdict when it is certain that no answer will come', async () => {
    const machine = new Machine();
    machine.checks.start([request('a')]);
    await vi.advanceTimersByTimeAsync(500);
    await machine.answer('a', false);
    expect(machine.results).toEqual([{ path: 'a', alive: false, after: 0.5 }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('decide also when the time for the verdict is all the time there is', async () => {
    const machine = new Machine();
    machine.checks.start([{ ...request('a'), verdictSeconds: 1, timeoutSeconds: 1 }]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(machine.results).toEqual([{ path: 'a', alive: false, after: 1 }]);
  });

  it('say nothing of a path when the connect could not be made, but count it and tell why', async () => {
    const machine = new Machine();
    machine.checks.start([request('a')]);
    await machine.fail('a', gone);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(machine.results).toEqual([]);
    expect(machine.failures).toEqual([['a', 'unreachable']]);
    expect(machine.checks.counts.get('a')).toEqual({ alive: 0, dead: 0, failed: 1 });
  });

  it('tell also why one broke off after its verdict, which stands', async () => {
    const machine = new Machine();
    machine.checks.start([request('a')]);
    await vi.advanceTimersByTimeAsync(2000);
    await machine.fail('a', gone);
    expect(machine.results).toHaveLength(1);
    expect(machine.failures).toEqual([['a', 'unreachable']]);
    expect(machine.checks.counts.get('a')).toEqual({ alive: 0, dead: 1, failed: 0 });
  });

  it('are one a path at a time, and again as soon as that one is over', async () => {
    const machine = new Machine();
    machine.checks.start([request('a'), request('a'), request('b')]);
    machine.checks.start([request('a')]);
    expect(machine.begun).toEqual(['a', 'b']);
    await machine.answer('a');
    machine.checks.start([request('a'), request('b')]);
    expect(machine.begun).toEqual(['a', 'b', 'a']);
  });

  it('are 64 at a time at most; one beyond has failed', async () => {
    const machine = new Machine();
    machine.checks.start(Array.from({ length: 65 }, (_, index) => request(`path${index}`)));
    expect(machine.begun).toHaveLength(64);
    expect(machine.failures).toEqual([['path64', 'overloaded']]);
    expect(machine.checks.counts.get('path64')).toEqual({ alive: 0, dead: 0, failed: 1 });
  });

  it('are counted under no path beyond a number of paths, so that no count ever falls or is forgotten', async () => {
    const machine = new Machine();
    for (let index = 0; index < 600; index += 1) {
      machine.checks.start([request(`path${index}`), request('always')]);
      await machine.answer(`path${index}`);
      await machine.answer('always');
    }
    expect(machine.checks.counts.size).toBe(513);
    expect(machine.checks.counts.get('always')?.alive).toBe(600);
    expect(machine.checks.counts.get('path0')?.alive).toBe(1);
    expect(machine.checks.counts.has('path599')).toBe(false);
    expect(machine.checks.counts.get('unknown')?.alive).toBe(89);
  });

  it('end at once when they are stopped, without another word', async () => {
    const machine = new Machine();
    machine.checks.start([request('a'), request('b')]);
    machine.checks.stop();
    await machine.fail('b', gone);
    machine.checks.start([request('c')]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(machine.results).toEqual([]);
    expect(machine.failures).toEqual([]);
    expect(machine.begun).toEqual(['a', 'b']);
    expect(machine.checks.counts.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
