/** Label matchers that tie a query to the dashboard's variables `job` and `instance`. */
const TARGET = 'job=~"$job", instance=~"$instance"';

/** A selector of `metric` on the chosen machines, with further `matchers` if given: `from('mptcp_up')`. */
export function from(metric: string, ...matchers: readonly string[]): string {
  return `${metric}{${[TARGET, ...matchers].join(', ')}}`;
}

/** As {@link from}, on the chosen paths too. */
export function onPath(metric: string, ...matchers: readonly string[]): string {
  return from(metric, 'path=~"$path"', ...matchers);
}

/** As {@link onPath}, and MPTCP over all paths too, which measurements call the path `mptcp`. */
export function measured(metric: string, ...matchers: readonly string[]): string {
  return from(metric, 'path=~"$path|mptcp"', ...matchers);
}

/** Growth per second of a counter's selector, over the shortest window that four scrapes fill. */
export function rate(selector: string): string {
  return `rate(${selector}[$__rate_interval])`;
}

/** Growth of a counter's selector over the dashboard's whole time range. */
export function grown(selector: string): string {
  return `increase(${selector}[$__range])`;
}

/** Sum per machine and `label`s. The machine stays in, so that two machines' paths of one name are not added up. */
export function sumBy(labels: readonly string[], expression: string): string {
  return `sum by (${['instance', ...labels].join(', ')}) (${expression})`;
}

/** `numerator / denominator` where the denominator is above zero, and nothing elsewhere: an idle path has no ratio. */
export function ratio(numerator: string, denominator: string): string {
  return `${numerator} / (${denominator} > 0)`;
}

/** Quantile `q` (0 to 1) per path of the observations that a classic histogram has gained. */
export function quantileByPath(q: number, histogram: string): string {
  return `histogram_quantile(${q}, ${sumBy(['path', 'le'], rate(onPath(`${histogram}_bucket`)))})`;
}

/** Quantile `q` (0 to 1) of what a histogram's `selector` has gained over the whole time range; nothing when it gained none. */
export function quantileInRange(q: number, labels: readonly string[], selector: string): string {
  return `histogram_quantile(${q}, ${sumBy([...labels, 'le'], grown(selector))}) >= 0`;
}

/** The part of each series in the sum over its machine, where that is above zero. */
export function share(perPath: string, perMachine: string): string {
  return `${perPath} / on (instance) group_left () (${perMachine} > 0)`;
}

/** Newest value per machine and `labels`. */
export function newest(labels: readonly string[], expression: string): string {
  return `max by (${['instance', ...labels].join(', ')}) (${expression})`;
}
