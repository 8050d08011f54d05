import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Turns } from '../../exporter/src/probe/turns.ts';

const never = new AbortController().signal;

describe('turns', () => {
  it('are one at a time, in the order they were asked for', async () => {
    const turns = new Turns();
    const log: string[] = [];
    const work = async (name: string) => {
      const end = await turns.take(never);
      log.push(`${name} begins`);
      await sleep(2);
      log.push(`${name} ends`);
      end();
    };
    await Promise.all([work('a'), work('b'), work('c')]);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('pass over those who have stopped waiting', async () => {
    const turns = new Turns();
    const end = await turns.take(never);
    const impatient = new AbortController();
    const waiting = turns.take(impatient.signal);
    const next = turns.take(never);
    impatient.abort();
    await expect(waiting).rejects.toThrow();
    await expect(turns.take(impatient.signal)).rejects.toThrow();
    end();
    (await next)();
    (await turns.take(never))();
  });

  it('may be ended twice', async () => {
    const turns = new Turns();
    const end = await turns.take(never);
    end();
    const second = await turns.take(never);
    end();
    let third = false;
    void turns.take(never).then(() => {
      third = true;
    });
    await sleep(2);
    expect(third).toBe(false);
    second();
  });
});
