import type { z } from 'zod';
import { shown } from './words.ts';

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of keys to values',
  record: 'a mapping of keys to values',
};

/** What a schema has against a value, as words about the key at `path`. */
export function explain(issue: z.core.$ZodIssue, input: unknown): { path: readonly PropertyKey[]; message: string } {
  switch (issue.code) {
    case 'unrecognized_keys':
      return { path: [...issue.path, ...issue.keys.slice(0, 1)], message: issue.message };
    case 'invalid_type': {
      const value = issue.path.reduce<unknown>((inner, step) => (inner as Record<PropertyKey, unknown>)[step], input);
      const expected = `expected ${KINDS[issue.expected] ?? issue.expected}`;
      const got = value === undefined ? `missing, ${expected}` : `${expected}, got ${described(value)}`;
      const quotes =
        issue.expected === 'string' && ['number', 'boolean'].includes(typeof value) ? '; put it in quotes' : '';
      return { path: issue.path, message: got + quotes };
    }
    default:
      return { path: issue.path, message: issue.message };
  }
}

/** A path as the user would say it, with a colon: `paths[1].name: `; nothing for the whole file. */
export function keyText(path: readonly PropertyKey[]): string {
  const text = path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${shown(String(step))}`))
    .join('');
  return text === '' ? '' : `${text}: `;
}

/** A value of the file as a message names it: `the text abc`, `nothing`, `a list`. */
export function described(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? `the text ${shown(value)}` : shown(String(value));
}
