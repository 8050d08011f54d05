import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame } from './frame.ts';
import { UID } from './links.ts';
import { closeLook } from './path/close-look.ts';
import { cost } from './path/cost.ts';
import { interfaces } from './path/interfaces.ts';
import { quality } from './path/quality.ts';
import { state } from './path/state.ts';
import { subflows } from './path/subflows.ts';

/** One path, or some beside each other: since when and why it is as it is, and what limits it. */
export function path(): Dashboard {
  return frame({
    uid: UID.path,
    title: 'MPTCP / Path',
    description:
      'The paths chosen above: their states with reasons, round trips, loss, what limits sending, subflows, interfaces, and what they cost.',
    rows: [state, quality, subflows, interfaces, cost, closeLook],
    since: 'now-1h',
  });
}
