import { expect, it } from 'vitest';
import { patience } from '../../exporter/src/probe/patience.ts';

it('ends after its time, whatever the garbage collector does meanwhile', async () => {
  const run = new AbortController();
  const signal = patience(run.signal, 0.2);
  const end = performance.now() + 150;
  // Enough garbage for several collections; what AbortSignal.any made of a timeout was lost in them.
  while (performance.now() < end) {
    const garbage = Array.from({ length: 100_000 }, (_, index) => ({ index }));
    expect(garbage).toHaveLength(100_000);
    await new Promise(setImmediate);
  }
  expect(signal.aborted).toBe(false);
  await expect.poll(() => signal.aborted, { timeout: 2000 }).toBe(true);
  expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
});

it('ends with the run, for its reason, also when that is over already', () => {
  const run = new AbortController();
  const signal = patience(run.signal, 100);
  run.abort('stopped');
  expect(signal.reason).toBe('stopped');
  expect(patience(run.signal, 100).reason).toBe('stopped');
});
