import { ExporterError } from '../../errors.ts';

/** The rows of a text table; those that could not be read are only counted. */
export interface Table<Row> {
  readonly rows: readonly Row[];
  readonly malformed: number;
}

/**
 * Reads a table of one row per line. `headings` match the first lines; `parseRow` gets a line's words and gives undefined
 * for one it cannot read. A last line without its newline was cut short and counts as such.
 * Throws {@link ExporterError}: `malformed` when a heading does not match, or when there are rows and none can be read.
 */
export function parseTable<Row>(
  name: string,
  text: string,
  headings: readonly RegExp[],
  parseRow: (words: readonly string[]) => Row | undefined,
): Table<Row> {
  const lines = text.split('\n');
  const cut = lines.pop() !== '';
  for (const heading of headings) {
    if (!heading.test(lines.shift() ?? '')) throw new ExporterError('malformed', `${name} has an unknown heading`);
  }
  const rows: Row[] = [];
  let malformed = cut ? 1 : 0;
  for (const line of lines) {
    const words = wordsOf(line);
    if (words.length === 0) continue;
    const row = parseRow(words);
    if (row === undefined) malformed++;
    else rows.push(row);
  }
  if (rows.length === 0 && malformed > 0) throw new ExporterError('malformed', `${name} has no row that can be read`);
  return { rows, malformed };
}

/** The words of a line, whatever the white space between them. */
export function wordsOf(line: string): string[] {
  return line.split(/\s+/).filter((word) => word !== '');
}
