import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Usage } from '../../../exporter/src/probe/budget/usage.ts';

const TODAY = '2026-11-28';

describe('what probes have spent', () => {
  it('is summed up by path, day and month', () => {
    const usage = Usage.empty();
    usage.add('lte', '2026-10-31', 1);
    usage.add('lte', '2026-11-27', 20);
    usage.add('lte', TODAY, 300);
    usage.add('lte', TODAY, 4000);
    usage.add('eth', TODAY, 5);
    expect(usage.ofDay('lte', TODAY)).toBe(4300);
    expect(usage.ofMonth('lte', TODAY)).toBe(4320);
    expect(usage.ofMonth('lte', '2026-10-01')).toBe(1);
    expect(usage.ofDay('eth', TODAY)).toBe(5);
    expect(usage.ofDay('dsl', TODAY)).toBe(0);
  });

  it('comes back from its text, with what was written ahead as spent', () => {
    const usage = Usage.empty();
    usage.add('lte', '2026-11-27', 100);
    const text = usage.format(
      '2026-11-27',
      new Map([
        ['lte', 50],
        ['eth', 7],
      ]),
    );
    const sameDay = Usage.parse(text, '2026-11-27');
    expect([sameDay.day, sameDay.ofDay('lte', '2026-11-27'), sameDay.ofDay('eth', '2026-11-27')]).toEqual([
      '2026-11-27',
      150,
      7,
    ]);
    const nextDay = Usage.parse(text, TODAY);
    expect([nextDay.ofDay('lte', '2026-11-27'), nextDay.ofDay('lte', TODAY)]).toEqual([150, 50]);
  });

  it('keeps to its text over any number of restarts', () => {
    const spending = fc.array(
      fc.tuple(
        fc.constantFrom('lte', 'eth', 'phone 2', '__proto__'),
        fc.constantFrom('2026-11-27', TODAY),
        fc.nat(1e9),
      ),
    );
    fc.assert(
      fc.property(spending, (all) => {
        let usage = Usage.empty();
        const expected = new Map<string, number>();
        for (const [path, day, bytes] of all) {
          usage.add(path, day, bytes);
          expected.set(path, (expected.get(path) ?? 0) + bytes);
          usage = Usage.parse(usage.format(day, new Map()), day);
        }
        for (const [path, bytes] of expected) expect(usage.ofMonth(path, TODAY)).toBe(bytes);
      }),
    );
  });

  it.each([
    '',
    '{',
    'null',
    '{}',
    '{"version":1,"day":"2026-11-28","paths":{}}',
    '{"version":2,"day":"2026-11-28","paths":[]}',
    '{"version":1,"day":"yesterday","paths":[]}',
    '{"version":1,"day":"2026-11-28","paths":[{"path":"lte","days":{"2026-11-28":-5},"ahead":0}]}',
    '{"version":1,"day":"2026-11-28","paths":[{"path":"lte","days":{"2026-11-28":1e999},"ahead":0}]}',
    '{"version":1,"day":"2026-11-28","paths":[{"path":"lte","days":{"2026-11-28":1}}]}',
  ])('is not guessed from a damaged text such as %j', (text) => {
    expect(() => Usage.parse(text, TODAY)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('is taken for everything until the day and the month are over when it is not known', () => {
    for (const usage of [Usage.unknown(TODAY), Usage.parse(Usage.unknown(TODAY).format(TODAY, new Map()), TODAY)]) {
      expect(usage.ofDay('lte', TODAY)).toBe(Number.POSITIVE_INFINITY);
      expect(usage.ofMonth('lte', '2026-11-29')).toBe(Number.POSITIVE_INFINITY);
      expect(usage.ofDay('lte', '2026-11-29')).toBe(0);
      expect(usage.ofMonth('lte', '2026-12-01')).toBe(0);
    }
  });

  it('stays small: days long past are forgotten, and paths beyond the bound get nothing to spend', () => {
    const usage = Usage.empty();
    for (let day = 0; day < 1000; day++) {
      usage.add('lte', new Date(86_400_000 * (20_000 + day)).toISOString().slice(0, 10), 1);
    }
    for (let path = 0; path < 600; path++) usage.add(`path ${path}`, TODAY, 1);
    expect(usage.format(TODAY, new Map()).length).toBeLessThan(50_000);
    expect(usage.ofDay('path 599', TODAY)).toBe(Number.POSITIVE_INFINITY);
    expect(usage.ofDay('path 5', TODAY)).toBe(1);
  });
});
