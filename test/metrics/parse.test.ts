import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExposition } from '../../exporter/src/metrics/parse.ts';

describe('the reader of an exposition', () => {
  it('gives back names, labels and values as they were written, whatever is in a label', () => {
    const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
    const value = fc.oneof(fc.double({ noNaN: true }), fc.integer());
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,5}$/), fc.string()), value, (labels, number) => {
        const pairs = Object.entries(labels).map(([name, text]) => `${name}="${escaped(text)}"`);
        const written = number === Infinity ? '+Inf' : number === -Infinity ? '-Inf' : String(number);
        const [sample] = parseExposition(`# HELP a b\na_total{${pairs.join()}} ${written}\n`).get('a_total') ?? [];
        expect(sample?.labels).toEqual({ ...labels });
        expect(sample?.value).toBeCloseTo(number);
      }),
    );
  });

  it('never hangs or throws, whatever it is given', () => {
    fc.assert(fc.property(fc.string(), (text) => parseExposition(text) instanceof Map));
    const bad = `a{${'b="\\'.repeat(20_000)} 1`;
    const start = performance.now();
    parseExposition(bad);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('finds every sample of a whole one, and histograms by their parts', () => {
    const text = readFileSync(new URL('../golden/netlink-client.prom', import.meta.url), 'utf8');
    const samples = [...parseExposition(text).values()].flat();
    expect(samples).toHaveLength(text.split('\n').filter((line) => /^[a-z]/.test(line)).length);
    expect(parseExposition('a 1\nb 2 1700000000000\nc\nd x\n').get('b')).toEqual([{ labels: {}, value: 2 }]);
  });
});
