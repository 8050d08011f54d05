import { ExporterError } from '../errors.ts';
import { shown } from './words.ts';

/** Units by their names, decimal and binary. */
const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['B', 1],
  ['kB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
]);

/** Least and greatest size allowed, both inclusive, in bytes. */
export interface SizeBounds {
  readonly minimumBytes: number;
  readonly maximumBytes: number;
}

/** A size such as `1500`, `16kB`, `20MB` or `1.5GiB` in whole bytes. Throws ExporterError `malformed`, which says what was expected. */
export function parseSize(text: string, bounds: SizeBounds): number {
  const match = /^(\d{1,16}(?:\.\d{1,6})?) ?([A-Za-z]*)$/.exec(text);
  const unit = UNITS.get(match?.[2] ?? '');
  const bytes = match === null || unit === undefined ? Number.NaN : Math.round(Number(match[1]) * unit);
  if (bytes >= bounds.minimumBytes && bytes <= bounds.maximumBytes) return bytes;
  const range = `from ${formatSize(bounds.minimumBytes)} to ${formatSize(bounds.maximumBytes)}`;
  throw new ExporterError('malformed', `expected a size such as 64, 16kB or 20MB, ${range}, got ${shown(text)}`);
}

/** The shortest way to write a whole number of bytes that {@link parseSize} reads: 16,000 is `16kB`. */
export function formatSize(bytes: number): string {
  for (const [name, unit] of [...UNITS].sort(([, a], [, b]) => b - a)) {
    if (bytes >= unit && bytes % unit === 0) return `${bytes / unit}${name === '' ? 'B' : name}`;
  }
  return `${bytes}B`;
}
