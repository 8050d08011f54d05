import type { Scrape } from './exposition.ts';

const FAMILIES = {
  sent: 'mptcp_path_sent_bytes_total',
  retransmitted: 'mptcp_path_retransmitted_bytes_total',
  acknowledged: 'mptcp_path_acknowledged_bytes_total',
  received: 'mptcp_path_received_bytes_total',
  established: 'mptcp_path_subflows_established_total',
  closed: 'mptcp_path_subflows_closed_total',
  unaccounted: 'mptcp_path_unaccounted_closes_total',
} as const;
const COUNTERS = Object.keys(FAMILIES) as (keyof typeof FAMILIES)[];

/** Counters of a path, of several paths together, or how far they went in a while. */
export type PathBytes = Readonly<Record<keyof typeof FAMILIES, number>>;

const combine = (of: (counter: keyof PathBytes) => number): PathBytes =>
  Object.fromEntries(COUNTERS.map((counter) => [counter, of(counter)])) as PathBytes;

/** The paths whose counters are exposed. */
export const pathNames = (scrape: Scrape): readonly string[] =>
  scrape.samples(FAMILIES.established).flatMap(({ labels }) => labels.path ?? []);

/** The counters of one path; those that are absent have not begun. */
export const pathBytes = (scrape: Scrape, path: string): PathBytes =>
  combine((counter) =>
    scrape
      .samples(FAMILIES[counter])
      .filter(({ labels }) => labels.path === path)
      .reduce((sum, { value }) => sum + value, 0),
  );

/** How far the counters of one path went from one scrape to a later one. */
export function pathGrowth(before: Scrape, after: Scrape, path: string): PathBytes {
  const [from, to] = [pathBytes(before, path), pathBytes(after, path)];
  return combine((counter) => to[counter] - from[counter]);
}

/** Of several paths together. */
export const together = (paths: readonly PathBytes[]): PathBytes =>
  combine((counter) => paths.reduce((sum, path) => sum + path[counter], 0));

/** Payload sent, what TCP sent again left out. */
export const sentOnce = ({ sent, retransmitted }: PathBytes): number => sent - retransmitted;
