import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { patience } from '../../exporter/src/probe/patience.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

it('ends after its time, whatever the garbage collector does meanwhile', async () => {
  const run = new AbortController();
  const signal = patience(run.signal, 0.2);
  expect(signal.aborted).toBe(false);
  await new Promise(setImmediate);
  collectGarbage();
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
