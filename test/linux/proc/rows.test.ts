import { describe, expect, it } from 'vitest';
import { parseTable } from '../../../exporter/src/linux/proc/rows.ts';

const HEADINGS = [/^name\s+value$/];
const parse = (text: string) =>
  parseTable('the table', text, HEADINGS, ([name, value]) => (value === undefined ? undefined : `${name}=${value}`));

describe('parseTable', () => {
  it('reads rows whatever the white space, and skips empty lines', () => {
    expect(parse('name  value\n  a   1\n\n\tb\t2  \n')).toEqual({ rows: ['a=1', 'b=2'], malformed: 0 });
  });

  it('counts a row that it cannot read and keeps the others', () => {
    expect(parse('name value\na 1\nbad\nb 2\n')).toEqual({ rows: ['a=1', 'b=2'], malformed: 1 });
  });

  it('does not believe a last line that was cut short', () => {
    expect(parse('name value\na 1\nb 2')).toEqual({ rows: ['a=1'], malformed: 1 });
  });

  it('reads an empty table as empty', () => {
    expect(parse('name value\n')).toEqual({ rows: [], malformed: 0 });
  });

  it.each([
    ['another heading', 'nom valeur\na 1\n'],
    ['nothing at all', ''],
    ['no row that can be read', 'name value\nbad\nworse\n'],
  ])('fails on %s, which is not an empty table', (_, text) => {
    expect(() => parse(text)).toThrowError(expect.objectContaining({ code: 'malformed' }));
  });
});
