/** Rates in bit/s, as uplinks are sold, largest first. */
const BIT_RATES = [
  [1e9, 'Gbit/s'],
  [1e6, 'Mbit/s'],
  [1e3, 'kbit/s'],
  [1, 'bit/s'],
] as const;

const AMOUNTS = [
  [1e12, 'TB'],
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB'],
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

/** Bytes as data plans count them, with three significant digits: `12.3 MB`. */
export function amount(bytes: number): string {
  return bytes < 999.5 ? `${Math.round(bytes)} B` : scaled(bytes, AMOUNTS);
}

/** Seconds as people say it, with three significant digits: `24.1 ms`. */
export function duration(seconds: number): string {
  return scaled(seconds, TIMES);
}

/** A moment (Unix time) by the local clock, with its date unless that is today's: `14:02:11`, `2026-11-21 14:02:11`. */
export function clockTime(atSeconds: number, nowSeconds: number): string {
  const [date, time] = localTime(atSeconds);
  return date === localTime(nowSeconds)[0] ? time : `${date} ${time}`;
}

function localTime(seconds: number): [date: string, time: string] {
  const local = new Date(1000 * seconds);
  const two = (number: number) => String(number).padStart(2, '0');
  const date = `${local.getFullYear()}-${two(local.getMonth() + 1)}-${two(local.getDate())}`;
  return [date, `${two(local.getHours())}:${two(local.getMinutes())}:${two(local.getSeconds())}`];
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
