import type { Collector } from '../../exporter/src/metrics/collector.ts';
import { parseExposition } from '../../exporter/src/metrics/parse.ts';
import type { Picture } from '../../exporter/src/observer/picture.ts';

/** What a collector prints of a picture, each sample as `name{label values} value`: names without `prefix`, `le` last. */
export function printedBy(collector: Collector, picture: Picture, prefix: string, digits = 15): string[] {
  const lines: string[] = [];
  for (const { text } of collector.open()({ picture }).values()) {
    for (const [name, samples] of parseExposition(text)) {
      for (const { labels, value } of samples) {
        const { le, ...others } = labels;
        const values = [...Object.values(others), ...(le === undefined ? [] : [le])].join();
        lines.push(`${name.replace(prefix, '')}{${values}} ${Number(value.toPrecision(digits))}`);
      }
    }
  }
  return lines;
}
