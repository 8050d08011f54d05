import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** What one selector in an expression asks for. */
export interface Selector {
  readonly metric: string;
  /** Matchers as written, without spaces: `job=~"mptcp"`. */
  readonly matchers: readonly string[];
  /** Label names in those matchers. */
  readonly labels: readonly string[];
  /** The range in brackets, as written; absent on an instant selector. */
  readonly range?: string;
  /** The function whose argument the selector is. */
  readonly within?: string;
}

/** Where `expression` is not PromQL: the text at each place the parser had to guess. Empty when it parses. */
export function syntaxErrors(expression: string): string[] {
  const errors: string[] = [];
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.type.isError) errors.push(`at ${node.from}: "${expression.slice(node.from, node.from + 20)}"`);
    },
  });
  return errors;
}

/** Every selector in `expression`, from the left. */
export function selectors(expression: string): Selector[] {
  const text = (node: SyntaxNode | null): string => (node === null ? '' : expression.slice(node.from, node.to));
  const found: Selector[] = [];
  parser.parse(expression).iterate({
    enter: ({ node, name }) => {
      if (name !== 'VectorSelector') return;
      const matchers = descendants(node, /LabelMatcher$/);
      const matrix = node.parent?.name === 'MatrixSelector' ? node.parent : null;
      const call = ancestor(node, 'FunctionCall');
      found.push({
        metric: text(node.getChild('Identifier')),
        matchers: matchers.map((matcher) => text(matcher).replaceAll(/\s/g, '')),
        labels: matchers.map((matcher) => text(matcher.getChild('LabelName'))),
        ...(matrix !== null && { range: text(matrix.lastChild) }),
        ...(call !== null && { within: text(call.getChild('FunctionIdentifier')) }),
      });
    },
  });
  return found;
}

/** Labels that `expression` groups or matches vectors by (`by`, `without`, `on`, `ignoring`). */
export function groupingLabels(expression: string): string[] {
  const found: string[] = [];
  parser.parse(expression).iterate({
    enter: ({ node, name }) => {
      if (name !== 'GroupingLabels') return;
      found.push(...descendants(node, /^LabelName$/).map((label) => expression.slice(label.from, label.to)));
    },
  });
  return found;
}

/** Names of the metrics that `expression` reads, each once. */
export function metricNames(expression: string): string[] {
  return [...new Set(selectors(expression).map(({ metric }) => metric))];
}

function descendants(node: SyntaxNode, name: RegExp): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (name.test(child.name)) found.push(child);
    else found.push(...descendants(child, name));
  }
  return found;
}

function ancestor(node: SyntaxNode, name: string): SyntaxNode | null {
  let above = node.parent;
  while (above !== null && above.name !== name) above = above.parent;
  return above;
}
