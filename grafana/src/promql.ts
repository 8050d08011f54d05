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
