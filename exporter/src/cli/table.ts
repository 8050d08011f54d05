/** How a column's cells stand; the default is at the left. */
export type Alignment = 'left' | 'right';

/** A table for a terminal: headings, then rows in columns as wide as they need, two spaces apart. Columns without any content are left out. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[] = [],
): string {
  const used = headings.map((_, column) => rows.some((row) => row[column]));
  const widths = headings.map((heading, column) =>
    Math.max(...[heading, ...rows.map((row) => row[column] ?? '')].map(width)),
  );
  return [headings, ...rows]
    .map((row) =>
      headings
        .flatMap((_, column) =>
          used[column] ? [padded(row[column] ?? '', widths[column] ?? 0, alignments[column])] : [],
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function padded(cell: string, to: number, alignment: Alignment = 'left'): string {
  const space = ' '.repeat(to - width(cell));
  return alignment === 'right' ? space + cell : cell + space;
}

/** In characters, not UTF-16 units. */
const width = (text: string): number => [...text].length;
