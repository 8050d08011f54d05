import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ByteBudget } from '../../../exporter/src/config/probes/settings.ts';
import { ExporterError } from '../../../exporter/src/errors.ts';
import { loadLibc } from '../../../exporter/src/linux/libc.ts';
import { StateFile } from '../../../exporter/src/linux/state-file.ts';
import { hasBudget, LEAD_BYTES, PathBudget } from '../../../exporter/src/probe/budget/budget.ts';

const MB = 1_000_000;
const NOON = new Date(2026, 10, 28, 12).getTime();
const DAY = 86_400_000;

describe('the budget of a path', () => {
  let directory: string;
  let stateFile: string;
  let now: number;
  let monotonic: number;
  let problems: ExporterError[];
  const held: PathBudget[] = [];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'budget-'));
    stateFile = join(directory, 'budget.json');
    [now, monotonic, problems] = [NOON, 0, []];
  });
  afterEach(async () => {
    for (const budget of held.splice(0)) await budget.close();
    await rm(directory, { recursive: true });
  });

  const lte = (bounds: ByteBudget) => ({ paths: new Map([['lte', bounds]]), stateFile });
  const make = (bounds: ByteBudget, open?: () => Promise<StateFile>) => {
    const budget = new PathBudget({
      settings: lte(bounds),
      open: open ?? (async () => StateFile.open(await loadLibc(), stateFile)),
      onProblem: (error) => problems.push(error),
      now: () => now,
      monotonic: () => monotonic,
    });
    held.push(budget);
    return budget;
  };
  /** What would be left after a crash at this moment. */
  const leftAfterCrash = async (bounds: ByteBudget) => {
    const copy = join(directory, `copy-${Math.random()}.json`);
    await writeFile(copy, await readFile(stateFile));
    const budget = make(bounds, async () => StateFile.open(await loadLibc(), copy));
    await budget.start();
    return budget.remaining('lte');
  };

  it('is what is left of the day and of the month, whichever is less', async () => {
    const budget = make({ dayBytes: 20 * MB, monthBytes: 50 * MB });
    await budget.start();
    expect(budget.left('lte')).toEqual({ day: 20 * MB, month: 50 * MB });
    budget.spend('lte', 15 * MB);
    expect(budget.remaining('lte')).toBe(5 * MB);
    now += DAY;
    budget.spend('lte', 20 * MB);
    expect(budget.remaining('lte')).toBe(0);
    now += DAY;
    expect(budget.remaining('lte')).toBe(15 * MB);
    now += 3 * DAY; // December
    expect(budget.left('lte')).toEqual({ day: 20 * MB, month: 50 * MB });
  });

  it('does not bind other paths, unless it is for all', async () => {
    const budget = make({ dayBytes: 1 });
    expect(await budget.reserve('eth', 1e12)).toBeUndefined();
    expect(budget.remaining('eth')).toBe(Number.POSITIVE_INFINITY);
    expect(budget.left('eth')).toEqual({});
    expect([hasBudget(lte({})), hasBudget({ paths: new Map(), stateFile })]).toEqual([true, false]);
    expect(hasBudget({ paths: new Map(), stateFile, monthBytes: 5 })).toBe(true);
  });

  it('is written down before it is spent', async () => {
    const budget = make({ dayBytes: 20 * MB });
    expect(await budget.reserve('lte', 8 * MB)).toBeUndefined();
    expect(await leftAfterCrash({ dayBytes: 20 * MB })).toBe(12 * MB);
    budget.spend('lte', 8 * MB);
    expect(await leftAfterCrash({ dayBytes: 20 * MB })).toBe(12 * MB);
  });

  it('gives back what a reservation left over, but for a small lead', async () => {
    const budget = make({ dayBytes: 20 * MB });
    await budget.reserve('lte', 8 * MB);
    budget.spend('lte', 3 * MB);
    await budget.settle('lte');
    expect(await leftAfterCrash({ dayBytes: 20 * MB })).toBe(17 * MB - LEAD_BYTES);
    await budget.close();
    expect(await leftAfterCrash({ dayBytes: 20 * MB })).toBe(17 * MB);
  });

  it('refuses what is more than is left', async () => {
    const budget = make({ dayBytes: 20 * MB });
    budget.spend('lte', 1);
    expect(await budget.reserve('lte', 20 * MB + 1)).toMatchObject({ reason: 'budget_exhausted' });
    expect(await budget.reserve('lte', 20 * MB)).toBeUndefined();
    budget.spend('lte', 21 * MB);
    expect(budget.remaining('lte')).toBe(0);
    expect(await budget.reserve('lte', 1)).toMatchObject({ reason: 'budget_exhausted' });
  });

  it('writes once for many small probes', async () => {
    let writes = 0;
    const budget = make({ dayBytes: 20 * MB }, async () => {
      const file = await StateFile.open(await loadLibc(), stateFile);
      const write = file.write.bind(file);
      file.write = (text) => {
        writes++;
        return write(text);
      };
      return file;
    });
    for (let probe = 0; probe < 1000; probe++) {
      expect(await budget.reserve('lte', 200)).toBeUndefined();
      budget.spend('lte', 200);
    }
    expect(writes).toBeLessThan(8);
    expect(await leftAfterCrash({ dayBytes: 20 * MB })).toBeLessThanOrEqual(20 * MB - 200_000);
  });

  it('is for one exporter at a time: a second one may move nothing on any path until the first has ended', async () => {
    const first = make({ dayBytes: 20 * MB });
    await first.start();
    const second = make({ dayBytes: 20 * MB });
    for (const path of ['lte', 'eth']) {
      expect(await second.reserve(path, 1)).toMatchObject({
        reason: 'budget_unavailable',
        message: expect.stringContaining(`${stateFile} is in use by another exporter`),
      });
      expect(second.remaining(path)).toBe(0);
    }
    expect(problems.map(({ code }) => code)).toEqual(['in_use']);
    first.spend('lte', 5 * MB);
    await first.close();
    expect(await second.reserve('lte', 1)).toMatchObject({ reason: 'budget_unavailable' });
    monotonic += 5;
    expect(await second.reserve('lte', 1)).toBeUndefined();
    expect(second.remaining('lte')).toBe(15 * MB);
  });

  it('takes a damaged account for one that is used up, keeps it aside and says so once', async () => {
    await writeFile(stateFile, '{"version":1,');
    const budget = make({ dayBytes: 20 * MB });
    expect(await budget.reserve('lte', 1)).toMatchObject({ reason: 'budget_exhausted' });
    expect(await budget.reserve('lte', 1)).toMatchObject({ reason: 'budget_exhausted' });
    expect(problems.map(({ code }) => code)).toEqual(['malformed']);
    expect(problems[0]?.line).toContain(`${stateFile}.damaged`);
    expect(await readFile(`${stateFile}.damaged`, 'utf8')).toBe('{"version":1,');
    expect(await leftAfterCrash({ dayBytes: 20 * MB })).toBe(0);
    now += DAY;
    expect(await budget.reserve('lte', 20 * MB)).toBeUndefined();
  });

  it('may not be spent when it cannot be written down, and may again once it can', async () => {
    let broken = true;
    const budget = make({ dayBytes: 20 * MB }, async () => {
      const file = await StateFile.open(await loadLibc(), stateFile);
      const write = file.write.bind(file);
      file.write = async (text) => {
        if (broken) throw new ExporterError('unwritable', 'cannot write: ENOSPC');
        return write(text);
      };
      return file;
    });
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await budget.reserve('lte', 1)).toMatchObject({
        reason: 'budget_unavailable',
        message: expect.stringContaining('ENOSPC'),
      });
      monotonic += 5;
    }
    expect(await budget.reserve('eth', 1)).toBeUndefined();
    broken = false;
    monotonic += 5;
    expect(await budget.reserve('lte', 1)).toBeUndefined();
    broken = true;
    expect(await budget.reserve('lte', MB)).toMatchObject({ reason: 'budget_unavailable' });
    broken = false;
    expect(await budget.reserve('lte', MB)).toBeUndefined();
    expect(problems.map(({ code }) => code)).toEqual(['unwritable', 'unwritable']);
  });

  it('is never exceeded, whatever is reserved, spent and given back between crashes', async () => {
    const reserve = fc.integer({ min: 1, max: 3 * MB });
    const step = fc.record({ reserve, part: fc.double({ min: 0, max: 1, noNaN: true }), crash: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        let disk: string | undefined;
        const write = async (text: string) => {
          disk = text;
        };
        const file = {
          path: stateFile,
          read: async () => disk,
          write,
          putAside: async () => '',
          close: () => undefined,
        };
        const open = () =>
          new PathBudget({
            settings: lte({ dayBytes: 10 * MB }),
            open: async () => file,
            onProblem: (error) => problems.push(error),
          });
        let budget = open();
        let moved = 0;
        for (const { reserve, part, crash } of steps) {
          if ((await budget.reserve('lte', reserve)) === undefined) {
            const bytes = Math.floor(part * reserve);
            budget.spend('lte', bytes);
            moved += bytes;
          }
          if (crash) budget = open();
          else await budget.settle('lte');
        }
        expect(moved).toBeLessThanOrEqual(10 * MB);
        expect(problems).toEqual([]);
      }),
    );
  });
});
