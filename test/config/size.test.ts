import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSize, parseSize } from '../../exporter/src/config/size.ts';

const BOUNDS = { minimumBytes: 1, maximumBytes: 2 ** 50 };

describe('a size', () => {
  it.each([
    ['1', 1],
    ['64', 64],
    ['64B', 64],
    ['16kB', 16_000],
    ['16 kB', 16_000],
    ['1.5MB', 1_500_000],
    ['20MB', 20_000_000],
    ['1KiB', 1024],
    ['1.5GiB', 1_610_612_736],
    ['2TB', 2e12],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text, BOUNDS)).toBe(bytes);
  });

  it.each(['', ' 1', '-1', '1KB', '1mb', 'MB', '1e6', '1.', '.5MB', '0x10', '0'])('%j is none', (text) => {
    expect(() => parseSize(text, BOUNDS)).toThrow('expected a size such as 64, 16kB or 20MB, from 1B to 1024TiB, got ');
  });

  it('is written so that it reads the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 50 }), (bytes) => parseSize(formatSize(bytes), BOUNDS) === bytes),
    );
  });
});
