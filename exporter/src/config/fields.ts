import { z } from 'zod';
import { asExporterError } from '../errors.ts';
import { type DurationBounds, parseDuration } from './duration.ts';
import { described } from './explain.ts';
import { parseSize, type SizeBounds } from './size.ts';

/** A duration such as `1s`, in seconds. */
export function seconds(bounds: DurationBounds) {
  return scalar('a duration such as 500ms, 15s or 1m', (text) => parseDuration(text, bounds) / 1000);
}

/** A size such as `16kB`, in bytes. */
export function size(bounds: SizeBounds) {
  return scalar('a size such as 64, 16kB or 20MB', (text) => parseSize(text, bounds));
}

/** A text or number that `parse` makes something of, or throws at an ExporterError that says what it expected. */
export function scalar<Value>(expected: string, parse: (text: string) => Value) {
  return z.unknown().transform((input, context): Value => {
    try {
      if (typeof input === 'string' || typeof input === 'number') return parse(String(input));
      const message = `expected ${expected}`;
      context.addIssue({
        code: 'custom',
        message: input === undefined ? `missing, ${message}` : `${message}, got ${described(input)}`,
      });
    } catch (caught) {
      context.addIssue({ code: 'custom', message: asExporterError(caught).message });
    }
    return z.NEVER;
  });
}
