import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Adviser,
  type Direction,
  RECOMMENDATION_REASONS,
  ROUNDS_TO_RECOMMEND,
  ROUNDS_TO_WITHDRAW,
  type Round,
} from '../../exporter/src/mptcp/recommendation.ts';

interface Figures {
  readonly mptcp: number;
  readonly alone: Readonly<Record<string, number>>;
  readonly shares?: Readonly<Record<string, number>>;
  readonly rtts?: Readonly<Record<string, number>>;
}

function round(
  figures: Partial<Record<Direction, Figures>>,
  { backups = [], metered = [] }: { readonly backups?: readonly string[]; readonly metered?: readonly string[] } = {},
): Round {
  const directions = new Map(
    (Object.entries(figures) as [Direction, Figures][]).map(([direction, { mptcp, alone, shares, rtts }]) => [
      direction,
      {
        mptcpBytesPerSecond: mptcp,
        aloneBytesPerSecond: new Map(Object.entries(alone)),
        loadedRttSeconds: new Map(Object.entries(rtts ?? {})),
        ...(shares !== undefined && { shares: new Map(Object.entries(shares)) }),
      },
    ]),
  );
  return { directions, backups: new Set(backups), metered: new Set(metered) };
}

function afterRounds(...rounds: readonly Round[]) {
  const adviser = new Adviser();
  for (const each of rounds) adviser.heed(each);
  return new Map(adviser.recommendations.map((each) => [each.path, each]));
}

const repeated = (one: Round, times: number) => Array.from({ length: times }, () => one);
const settled = (one: Round) => afterRounds(...repeated(one, ROUNDS_TO_RECOMMEND));

const LTE_HARMS_UP = round({
  up: { mptcp: 48.4, alone: { eth: 55, lte: 6 } },
  down: { mptcp: 75, alone: { eth: 74, lte: 35 } },
});
const ALL_WELL = round({
  up: { mptcp: 161, alone: { eth: 88, wlan: 75 } },
  down: { mptcp: 120, alone: { eth: 88, wlan: 75 } },
});

describe('a recommendation', () => {
  it('says in words which path to make a backup, and what it costs', () => {
    expect(settled(LTE_HARMS_UP).get('lte')).toEqual({
      path: 'lte',
      action: 'make_backup',
      reason: 'uploads_lose',
      words: 'lte: make it a backup endpoint, uploads lose 12 % with it',
    });
    expect(settled(LTE_HARMS_UP).get('eth')).toMatchObject({ action: 'none', reason: 'little_difference' });
  });

  it('names both directions when both lose, the worse first', () => {
    const both = round({
      up: { mptcp: 50, alone: { eth: 55, lte: 6 } },
      down: { mptcp: 40, alone: { eth: 80, lte: 35 } },
    });
    expect(settled(both).get('lte')).toMatchObject({
      reason: 'both_lose',
      words: 'lte: make it a backup endpoint, downloads lose 50 % and uploads lose 9 % with it',
    });
    const down = round({ down: { mptcp: 40, alone: { eth: 80, lte: 35 } } });
    expect(settled(down).get('lte')).toMatchObject({ action: 'make_backup', reason: 'downloads_lose' });
  });

  it('takes three rounds in a row, and says how many there were until then', () => {
    expect(afterRounds(LTE_HARMS_UP).get('lte')).toEqual({
      path: 'lte',
      action: 'none',
      reason: 'unconfirmed',
      words: expect.stringContaining('uploads lose 12 % with it (so far in 1 of the 3 rounds'),
    });
    expect(afterRounds(LTE_HARMS_UP, LTE_HARMS_UP).get('lte')?.reason).toBe('unconfirmed');
    const even = round({ up: { mptcp: 55, alone: { eth: 55, lte: 6 } } });
    expect(afterRounds(LTE_HARMS_UP, LTE_HARMS_UP, even, LTE_HARMS_UP).get('lte')?.reason).toBe('unconfirmed');
  });

  it('stays when a single round disagrees and goes when two in a row do', () => {
    const even = round({ up: { mptcp: 55, alone: { eth: 55, lte: 6 } } });
    const harm = repeated(LTE_HARMS_UP, ROUNDS_TO_RECOMMEND);
    expect(afterRounds(...harm, even).get('lte')?.action).toBe('make_backup');
    expect(afterRounds(...harm, even, LTE_HARMS_UP, even).get('lte')?.action).toBe('make_backup');
    expect(afterRounds(...harm, ...repeated(even, ROUNDS_TO_WITHDRAW)).get('lte')?.action).toBe('none');
  });

  it('goes at once when it was followed, and does not come back as its opposite', () => {
    const followed = round(
      { up: { mptcp: 55, alone: { eth: 55, dsl: 50 } }, down: { mptcp: 74, alone: { eth: 74, dsl: 70 } } },
      { backups: ['dsl'] },
    );
    const harmful = round({ up: { mptcp: 30, alone: { eth: 55, dsl: 50 } } });
    const harm = repeated(harmful, ROUNDS_TO_RECOMMEND);
    expect(afterRounds(...harm).get('dsl')?.action).toBe('make_backup');
    expect(afterRounds(...harm, followed).get('dsl')).toMatchObject({ action: 'none', reason: 'backup' });
    expect(afterRounds(...harm, ...repeated(followed, 9)).get('dsl')?.action).toBe('none');
  });

  it('leaves the choice to people when one direction loses and the other gains', () => {
    const mixed = round({
      up: { mptcp: 48.4, alone: { eth: 55, lte: 6 } },
      down: { mptcp: 102, alone: { eth: 74, lte: 35 } },
    });
    expect(settled(mixed).get('lte')).toEqual({
      path: 'lte',
      action: 'none',
      reason: 'mixed',
      words:
        'lte: uploads lose 12 % with it, but downloads gain 38 %: make it a backup endpoint if the former matter more',
    });
  });

  it('leaves all as it is where MPTCP helps or makes little difference', () => {
    const well = settled(ALL_WELL);
    expect([...well.values()].map(({ action, reason }) => [action, reason])).toEqual([
      ['none', 'aggregation_helps'],
      ['none', 'aggregation_helps'],
    ]);
    expect(well.get('wlan')?.words).toBe('wlan: leave it as it is, uploads gain 83 % and downloads gain 36 % by MPTCP');
    const even = settled(round({ up: { mptcp: 53, alone: { eth: 55, lte: 6 } } }));
    expect(even.get('lte')?.reason).toBe('little_difference');
  });

  it('blames no path that MPTCP did not use, and says that it did not', () => {
    const unused = round({
      up: { mptcp: 40, alone: { eth: 55, lte: 6 }, shares: { eth: 1, lte: 0 } },
    });
    expect(settled(unused).get('lte')).toMatchObject({ action: 'none', reason: 'not_used' });
  });

  it('of several possible causes names the one with by far the longest round trips, and says that it is not proven', () => {
    const three = round({
      up: { mptcp: 40, alone: { eth: 55, dsl: 5, lte: 20 }, rtts: { eth: 0.02, dsl: 0.04, lte: 0.3 } },
    });
    const { action, words } = settled(three).get('lte') ?? {};
    expect(action).toBe('make_backup');
    expect(words).toMatch(/likeliest cause, not a proven one: it has the longest round trips, but dsl may be it too$/);
    expect(settled(three).get('dsl')?.action).toBe('none');
  });

  it('of several possible causes names the slowest when their round trips do not tell them apart', () => {
    const alike = { eth: 0.02, dsl: 0.3, lte: 0.3 };
    for (const rtts of [alike, {}, { lte: 3 }]) {
      const three = round({ up: { mptcp: 40, alone: { eth: 55, dsl: 5, lte: 20 }, rtts } });
      expect(settled(three).get('dsl')).toMatchObject({
        action: 'make_backup',
        words: expect.stringMatching(/the lowest rate, but lte may/),
      });
    }
  });

  it('is to use a backup that is about as good as the rest, unless it is slow, far away or metered', () => {
    const with_ = (dsl: number, more: { rtt?: number; metered?: string[] } = {}) =>
      settled(
        round(
          { down: { mptcp: 55, alone: { eth: 55, dsl }, rtts: { eth: 0.02, dsl: more.rtt ?? 0.03 } } },
          { backups: ['dsl'], metered: more.metered ?? [] },
        ),
      ).get('dsl');
    expect(with_(30)).toMatchObject({ action: 'use_for_aggregation', reason: 'fast_backup' });
    expect(with_(20)).toMatchObject({ action: 'none', reason: 'backup' });
    expect(with_(30, { rtt: 0.1 })?.action).toBe('none');
    expect(with_(30, { metered: ['dsl'] })?.action).toBe('none');
  });

  it('is not given for a single path, nor for one that is measured no more', () => {
    expect(settled(round({ up: { mptcp: 5, alone: { eth: 55 } } })).size).toBe(0);
    expect(afterRounds(...repeated(LTE_HARMS_UP, 3), ALL_WELL).has('lte')).toBe(false);
  });

  it('always has a known reason, at most one path to change in use, and never the best one', () => {
    const names = ['a', 'b', 'c', 'd'];
    const rate = fc.double({ min: 1, max: 1e9, noNaN: true });
    const figures = fc.record({
      mptcp: rate,
      alone: fc.tuple(rate, rate, rate, rate),
      rtts: fc.option(fc.tuple(rate, rate, rate, rate), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(figures, { maxLength: 8 }), (all) => {
        const adviser = new Adviser();
        for (const { mptcp, alone, rtts } of all) {
          const of = (values: readonly number[]) => Object.fromEntries(names.map((name, i) => [name, values[i] ?? 0]));
          adviser.heed(round({ up: { mptcp, alone: of(alone), ...(rtts && { rtts: of(rtts) }) } }));
          const given = adviser.recommendations;
          expect(given.map(({ path }) => path)).toEqual(names);
          for (const { path, words, reason } of given) {
            expect(RECOMMENDATION_REASONS).toContain(reason);
            expect(words.startsWith(`${path}: `)).toBe(true);
          }
        }
        const last = all.at(-1)?.alone ?? [];
        const best = names.filter((_, i) => last[i] === Math.max(...last));
        if (all.length >= ROUNDS_TO_RECOMMEND) return;
        expect(adviser.recommendations.filter(({ action }) => action !== 'none')).toEqual([]);
        const settledOn = settled(
          round({ up: { mptcp: 0.5, alone: Object.fromEntries(names.map((name, i) => [name, last[i] ?? 2])) } }),
        );
        const told = [...settledOn.values()].filter(({ action }) => action === 'make_backup').map(({ path }) => path);
        expect(told).toHaveLength(1);
        if (best.length === 1) expect(told).not.toEqual(best);
      }),
    );
  });
});
