import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amount, bitRate, duration } from '../../exporter/src/http/units.ts';

describe('units for people', () => {
  it.each([
    [0, '0 bit/s'],
    [0.01, '0 bit/s'],
    [1, '8.00 bit/s'],
    [124.9375, '1.00 kbit/s'],
    [125, '1.00 kbit/s'],
    [15_625, '125 kbit/s'],
    [124_937.5, '1.00 Mbit/s'],
    [1_537_500, '12.3 Mbit/s'],
    [11_625_000, '93.0 Mbit/s'],
    [125_000_000, '1.00 Gbit/s'],
    [12_500_000_000, '100 Gbit/s'],
  ])('%d bytes per second are %s', (bytes, text) => {
    expect(bitRate(bytes)).toBe(text);
  });

  it.each([
    [0, '0 B'],
    [999.4, '999 B'],
    [999.5, '1.00 kB'],
    [68_042_139, '68.0 MB'],
    [5e12, '5.00 TB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(amount(bytes)).toBe(text);
  });

  it.each([
    [0, '0 µs'],
    [0.000_05, '50.0 µs'],
    [0.024_06, '24.1 ms'],
    [0.9999, '1.00 s'],
    [1.2, '1.20 s'],
    [120, '120 s'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  it('never shows a thousand of a unit that has a larger one', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.125, max: 1e11, noNaN: true }), (bytes) => {
        const [number, unit] = bitRate(bytes).split(' ');
        return Number(number) >= 1 && (Number(number) < 1000 || unit === 'Gbit/s');
      }),
    );
  });
});
