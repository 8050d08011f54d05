import type { Host } from '../lab/host.ts';

/** One line of an exposition. */
export interface ExposedSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A scrape, to be asked for its values. */
export interface Scrape {
  readonly body: string;
  /** Every sample of a family (or of a histogram's `_bucket` …). */
  samples(name: string): readonly ExposedSample[];
  /** The one value of the sample whose labels include these; NaN when there is none or the labels do not tell. */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
}

/** Reads an exposition. `value` compares only the labels that the family has. */
export function parseExposition(body: string): Scrape {
  const families = new Map<string, ExposedSample[]>();
  for (const line of body.split('\n')) {
    const [, name, labelText, value] = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/i.exec(line) ?? [];
    if (name === undefined) continue;
    const pairs = [...(labelText ?? '').matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]);
    const samples = families.get(name) ?? [];
    samples.push({ labels: Object.fromEntries(pairs), value: Number(value) });
    families.set(name, samples);
  }
  const samples = (name: string) => families.get(name) ?? [];
  return {
    body,
    samples,
    value: (name, wanted = {}) => {
      const fitting = samples(name).filter(({ labels }) =>
        Object.entries(wanted).every(([key, text]) => labels[key] === undefined || labels[key] === text),
      );
      return fitting.length === 1 ? (fitting[0]?.value ?? Number.NaN) : Number.NaN;
    },
  };
}

/** Scrapes an exporter that listens on loopback inside a lab's namespace. */
export async function scrapeIn(host: Host, url: string): Promise<Scrape> {
  return parseExposition(await host.exec('curl', ['-sSf', '--max-time', '10', `${url}/metrics`]));
}
