import { afterEach, describe, expect, it } from 'vitest';
import { Calendar, dayOf, monthOf } from '../../../exporter/src/probe/budget/calendar.ts';

const zone = process.env.TZ;
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

const at = (text: string) => new Date(text).getTime();
const HOUR = 3600;

describe('the day that a budget is counted by', () => {
  it('is that of local time, over summer time and its end', () => {
    process.env.TZ = 'Europe/Berlin';
    expect(dayOf(at('2026-03-28T22:59:59Z'))).toBe('2026-03-28');
    expect(dayOf(at('2026-03-28T23:00:00Z'))).toBe('2026-03-29'); // a day of 23 hours
    expect(dayOf(at('2026-03-29T21:59:59Z'))).toBe('2026-03-29');
    expect(dayOf(at('2026-03-29T22:00:00Z'))).toBe('2026-03-30');
    expect(dayOf(at('2026-10-24T22:00:00Z'))).toBe('2026-10-25'); // a day of 25 hours
    expect(dayOf(at('2026-10-25T22:59:59Z'))).toBe('2026-10-25');
    expect(dayOf(at('2026-10-25T23:00:00Z'))).toBe('2026-10-26');
    expect(monthOf('2026-10-26')).toBe('2026-10');
  });

  it('does not begin again when the clock is set back', () => {
    process.env.TZ = 'UTC';
    const calendar = new Calendar('2026-11-28');
    expect(calendar.today(at('1970-01-01T00:01:00Z'), 10)).toBe('2026-11-28');
    expect(calendar.today(at('2026-11-27T23:59:00Z'), 20)).toBe('2026-11-28');
    expect(calendar.today(at('2026-11-28T00:01:00Z'), 30)).toBe('2026-11-28');
    expect(calendar.today(at('2026-11-29T00:01:00Z'), 40)).toBe('2026-11-29');
    expect(calendar.today(at('2026-11-28T23:59:00Z'), 50)).toBe('2026-11-29');
  });

  it('is believed to be an earlier one after the clock has run on for 24 hours', () => {
    process.env.TZ = 'UTC';
    const calendar = new Calendar('2036-01-01');
    expect(calendar.today(at('2026-11-28T12:00:00Z'), 100)).toBe('2036-01-01');
    expect(calendar.today(at('2026-11-29T11:59:00Z'), 100 + 24 * HOUR - 60)).toBe('2036-01-01');
    expect(calendar.today(at('2026-11-29T12:00:00Z'), 100 + 24 * HOUR)).toBe('2026-11-29');
    expect(calendar.today(at('2026-11-30T12:00:00Z'), 100 + 48 * HOUR)).toBe('2026-11-30');
  });
});
