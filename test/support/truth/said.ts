import type { Scrape } from '../exposition.ts';

/** What the metrics say of a path: its state, the reasons that stand, and whether it is up. */
export function saidOf(
  look: Scrape,
  path: string,
): { readonly states: (string | undefined)[]; readonly reasons: (string | undefined)[]; readonly up: number } {
  const standing = (name: string, label: string) =>
    look
      .samples(name)
      .filter(({ labels, value }) => labels.path === path && value === 1)
      .map(({ labels }) => labels[label]);
  return {
    states: standing('mptcp_path_state', 'state'),
    reasons: standing('mptcp_path_state_reason', 'reason'),
    up: look.value('mptcp_path_up', { path }),
  };
}
