/** One sample of an exposition. */
export interface ParsedSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of an exposition by their name (of a histogram, `_bucket`, `_sum` and `_count` apart), in its order. */
export type ParsedExposition = ReadonlyMap<string, readonly ParsedSample[]>;

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/;
/** Each right after the one before, so that what is no label is looked at once. */
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)",?/gy;
const ESCAPED: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };
const INFINITE: Readonly<Record<string, number>> = {
  '+Inf': Number.POSITIVE_INFINITY,
  Inf: Number.POSITIVE_INFINITY,
  '-Inf': Number.NEGATIVE_INFINITY,
};

/**
 * Reads the Prometheus text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats), as this program writes it. A line
 * that is neither comment nor sample is passed over.
 */
export function parseExposition(text: string): ParsedExposition {
  const families = new Map<string, ParsedSample[]>();
  for (const line of text.split('\n')) {
    const [, name, labels = '', value = ''] = LINE.exec(line) ?? [];
    if (name === undefined) continue;
    const sample = { labels: parseLabels(labels), value: INFINITE[value] ?? Number(value) };
    const samples = families.get(name);
    if (samples === undefined) families.set(name, [sample]);
    else samples.push(sample);
  }
  return families;
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  const labels: [string, string][] = [];
  for (const [, name = '', value = ''] of text.matchAll(LABEL)) {
    labels.push([name, value.replaceAll(/\\./g, (pair) => ESCAPED[pair] ?? pair)]);
  }
  return Object.fromEntries(labels);
}
