import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { connections } from './connections.ts';
import { overview } from './overview.ts';
import { path } from './path.ts';
import { probes } from './probes.ts';
import { stackHealth } from './stack-health.ts';
import { thesis } from './thesis.ts';

/** Every dashboard by the name of its file in grafana/dashboards, by the alphabet. A new one is a line here. */
export const DASHBOARDS: Readonly<Record<string, () => Dashboard>> = {
  'connections.json': connections,
  'overview.json': overview,
  'path.json': path,
  'probes.json': probes,
  'stack-health.json': stackHealth,
  'thesis.json': thesis,
};

/** The file of `dashboard`, to the byte. */
export function rendered(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}
