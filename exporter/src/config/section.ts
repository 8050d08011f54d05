import { z } from 'zod';
import { meant } from './words.ts';

/** A mapping that has these keys and no others; an unknown key's message lists them and the one probably meant. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const keys = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined;
      const guess = meant((issue.keys as readonly string[])[0] ?? '', keys);
      return `unknown key, expected one of ${keys.join(', ')}${guess === undefined ? '' : ` (did you mean ${guess}?)`}`;
    },
  });
}
