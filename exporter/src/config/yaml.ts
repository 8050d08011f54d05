import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  parseDocument,
  visit,
} from 'yaml';

/** Deepest nesting; ours has four levels. The parser is recursive and would end the whole program instead of failing. */
const MAXIMUM_DEPTH = 64;

/** Most aliases that a file may expand to, against bombs of a few lines that grow to gigabytes. */
const MAXIMUM_ALIASES = 100;

/** Something wrong with a YAML text, at a line counted from 1. */
export interface YamlProblem {
  readonly line: number;
  readonly message: string;
}

/** A YAML text as plain values, and where each of them stands. */
export interface YamlText {
  /** `undefined` when there is nothing but comments. */
  readonly value: unknown;
  /** The line, from 1, of the value at `path`, or of the nearest one around it. */
  lineOf(path: readonly PropertyKey[]): number;
}

/** Reads one YAML 1.2 document with text keys; a problem instead when it is not well-formed, ambiguous or unbounded. */
export function parseYaml(text: string): YamlText | YamlProblem {
  const lines = new LineCounter();
  const problem = (offset: number, message: string) => ({ line: Math.max(1, lines.linePos(offset).line), message });

  const deep = tooDeep(text, lines);
  if (deep !== undefined) return problem(deep, `expected at most ${MAXIMUM_DEPTH} levels of nesting`);

  const document = parseDocument(text, {
    logLevel: 'error', // `silent` would drop all but the first of several documents
    prettyErrors: false,
    stringKeys: true,
    uniqueKeys: false, // its check takes minutes on 100,000 keys; ours follows
  });
  const wrong = document.errors[0] ?? document.warnings[0];
  if (wrong !== undefined) return problem(wrong.pos[0], `expected YAML: ${wrong.message}`);

  const twice = repeatedKey(document.contents);
  if (twice !== undefined) return problem(twice.offset, `${twice.key}: given twice, expected each key once`);

  try {
    const value: unknown = document.toJS({ maxAliasCount: MAXIMUM_ALIASES });
    return {
      value: value ?? undefined,
      lineOf: (path) => problem(offsetOf(document.contents, path), '').line,
    };
  } catch (caught) {
    if (!(caught instanceof ReferenceError)) throw caught;
    return problem(firstAlias(document.contents), `expected YAML without tricks: ${caught.message}`);
  }
}

/** Offset at which the nesting exceeds the bound, found by the token parser, which does not recurse. Fills `lines`. */
function tooDeep(text: string, lines: LineCounter): number | undefined {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  let offset: number | undefined;
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme)) {
      // Drained only so that the parser moves on.
    }
    if (parser.stack.length > MAXIMUM_DEPTH) offset ??= parser.offset;
    if (offset !== undefined) break;
  }
  return offset;
}

/** The first key that its mapping already has. */
function repeatedKey(contents: Node | null): { key: string; offset: number } | undefined {
  let found: { key: string; offset: number } | undefined;
  visit(contents, {
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) {
          found = { key: String(key.value), offset: key.range?.[0] ?? 0 };
          return visit.BREAK;
        }
        seen.add(key.value);
      }
      return undefined;
    },
  });
  return found;
}

/** Where the first alias stands, to blame it. */
function firstAlias(contents: Node | null): number {
  let offset = 0;
  visit(contents, {
    Alias(_, alias) {
      offset = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}

/** Walks along `path` as far as it goes; a value in a mapping stands where its key does. */
function offsetOf(contents: Node | null, path: readonly PropertyKey[]): number {
  let node: unknown = contents;
  let offset = 0;
  for (const step of path) {
    // An alias is blamed where it is used: what it repeats may be right elsewhere.
    if (isAlias(node)) break;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
      if (pair === undefined || !isScalar(pair.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step];
      if (!isNode(node)) break;
      offset = node.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}
