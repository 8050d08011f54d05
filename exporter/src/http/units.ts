/** Rates in bit/s, as uplinks are sold, largest first. */
const BIT_RATES = [
  [1e9, 'Gbit/s'],
  [1e6, 'Mbit/s'],
  [1e3, 'kbit/s'],
  [1, 'bit/s'],
] as const;

const TIMES = [
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, 'µs'],
] as const;

/** Bytes per second as people say it, with three significant digits: `12.3 Mbit/s`. */
export function bitRate(bytesPerSecond: number): string {
  return scaled(bytesPerSecond * 8, BIT_RATES);
}

/** Seconds as people say it, with three significant digits: `24.1 ms`. */
export function duration(seconds: number): string {
  return scaled(seconds, TIMES);
}

/** In the largest unit of which there is at least one after rounding; below the smallest unit, whole ones. */
function scaled(value: number, units: readonly (readonly [size: number, name: string])[]): string {
  for (const [size, name] of units) {
    const rounded = Number((value / size).toPrecision(3));
    if (rounded >= 1) return `${rounded.toFixed(rounded >= 100 ? 0 : rounded >= 10 ? 1 : 2)} ${name}`;
  }
  const [size, name] = units.at(-1) ?? [1, ''];
  return `${Math.round(value / size)} ${name}`;
}
