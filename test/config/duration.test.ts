import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../exporter/src/config/duration.ts';
import { ExporterError } from '../../exporter/src/errors.ts';

const wide = { minimumMs: 0, maximumMs: 1e12 };

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['15s', 15_000],
    ['1m', 60_000],
    ['1h30m', 5_400_000],
    ['1h0m1s', 3_601_000],
    ['2d', 172_800_000],
    ['1w', 604_800_000],
    ['1y', 31_536_000_000],
    ['0', 0],
    ['0s', 0],
  ])('reads %s as Prometheus does', (text, milliseconds) => {
    expect(parseDuration(text, wide)).toBe(milliseconds);
  });

  it.each(['', ' ', '1', '1.5s', '-1s', '1S', '1s ', '1m1h', '1s1s', '5 s', 'ms', '1e3s', '٣s', '9999999999999s'])(
    'refuses %j and says what was expected',
    (text) => {
      expect(() => parseDuration(text, wide)).toThrow(
        /^expected a duration such as 500ms, 15s or 1m, from 0s to \w+, got /,
      );
      expect(() => parseDuration(text, wide)).toThrow(ExporterError);
    },
  );

  it('keeps to the bounds, both included, and names them', () => {
    const bounds = { minimumMs: 100, maximumMs: 3_600_000 };
    expect(parseDuration('100ms', bounds)).toBe(100);
    expect(parseDuration('1h', bounds)).toBe(3_600_000);
    expect(() => parseDuration('99ms', bounds)).toThrow('from 100ms to 1h, got 99ms');
    expect(() => parseDuration('1h1ms', bounds)).toThrow('from 100ms to 1h, got 1h1ms');
  });

  it('reads back whatever it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds), wide)).toBe(milliseconds);
      }),
    );
  });

  it('throws nothing but its own error on any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseDuration(text, wide);
        } catch (caught) {
          expect(caught).toBeInstanceOf(ExporterError);
          expect(String(caught)).not.toMatch(/[\n\r]/);
        }
      }),
    );
  });
});
