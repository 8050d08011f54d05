import { ExporterError } from '../errors.ts';
import { shown } from './words.ts';

/** Prometheus's units, largest first, in milliseconds (github.com/prometheus/common, model/time.go). */
const UNITS: readonly (readonly [name: string, milliseconds: number])[] = [
  ['y', 365 * 86_400_000],
  ['w', 7 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];
const PATTERN = new RegExp(`^${UNITS.map(([name]) => `(?:(\\d{1,12})${name})?`).join('')}$`);

/** Least and greatest duration allowed, both inclusive, in milliseconds. */
export interface DurationBounds {
  readonly minimumMs: number;
  readonly maximumMs: number;
}

/**
 * A duration as Prometheus writes it (`500ms`, `15s`, `1h30m`; units in descending order, whole numbers, bare `0`) in
 * milliseconds. Throws ExporterError `malformed`, whose message says what was expected, when it is none or out of bounds.
 */
export function parseDuration(text: string, bounds: DurationBounds): number {
  const match = text === '' ? null : PATTERN.exec(text === '0' ? '0s' : text);
  const milliseconds =
    match === null ? Number.NaN : UNITS.reduce((sum, [, unit], index) => sum + Number(match[index + 1] ?? 0) * unit, 0);
  if (milliseconds >= bounds.minimumMs && milliseconds <= bounds.maximumMs) return milliseconds;
  const range = `from ${formatDuration(bounds.minimumMs)} to ${formatDuration(bounds.maximumMs)}`;
  throw new ExporterError('malformed', `expected a duration such as 500ms, 15s or 1m, ${range}, got ${shown(text)}`);
}

/** The shortest way to write a whole number of milliseconds that {@link parseDuration} reads: 5,400,000 is `1h30m`. */
export function formatDuration(milliseconds: number): string {
  let rest = milliseconds;
  let text = '';
  for (const [name, unit] of UNITS) {
    if (rest >= unit) text += `${Math.floor(rest / unit)}${name}`;
    rest %= unit;
  }
  return text === '' ? '0s' : text;
}
