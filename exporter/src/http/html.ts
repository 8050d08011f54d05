/** Markup that is safe to send: made by {@link html} or {@link trusted} and nothing else. */
class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type { Html };

/** What may stand in a template: text, which is escaped, or markup made by {@link html}. */
type Piece = string | number | Html | readonly Html[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A template tag for markup in which everything interpolated is escaped, for element content and quoted attributes. */
export function html(literals: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return new Html(
    literals.map((literal, index) => literal + (index < pieces.length ? markup(pieces[index] ?? '') : '')).join(''),
  );
}

function markup(piece: Piece): string {
  if (piece instanceof Html) return piece.text;
  if (typeof piece === 'object') return piece.map(({ text }) => text).join('');
  return String(piece).replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
}

/** Markup of our own, constant and without anything from outside, taken as it is. */
export function trusted(text: string): Html {
  return new Html(text);
}
