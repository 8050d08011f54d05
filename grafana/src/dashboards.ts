import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { overview } from './overview.ts';

/** Every dashboard by the name of its file in grafana/dashboards. A new one is a line here. */
export const DASHBOARDS: Readonly<Record<string, () => Dashboard>> = {
  'overview.json': overview,
};

/** The file of `dashboard`, to the byte. */
export function rendered(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}
