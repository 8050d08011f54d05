import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { type DashboardLink, DashboardLinkBuilder, DashboardLinkType } from '@grafana/grafana-foundation-sdk/dashboard';

/** Tag of all our dashboards, by which Grafana lists them in {@link LINK_TO_ALL}. */
export const TAG = 'mptcp';

/** Uids by what the dashboard is about; links name them. */
export const UID = {
  overview: 'mptcp-overview',
  path: 'mptcp-path',
  connections: 'mptcp-connections',
  probes: 'mptcp-probes',
  thesis: 'mptcp-thesis',
  stackHealth: 'mptcp-stack-health',
} as const;

/** The other dashboards as buttons at the top, with the time range and the variables kept. */
export const LINK_TO_ALL: Builder<DashboardLink> = new DashboardLinkBuilder('MPTCP')
  .type(DashboardLinkType.Dashboards)
  .tags([TAG])
  .keepTime(true)
  .includeVars(true)
  .asDropdown(false)
  .targetBlank(false);

/** What a click on a cell opens. */
export interface DataLink {
  readonly title: string;
  readonly url: string;
}

/** What Grafana puts in the place of a name when the link is opened. */
const filledIn = (name: string) => `\${${name}}`;

const KEPT = ['__url_time_range', 'datasource:queryparam', 'job:queryparam'].map(filledIn).join('&');

/** From a cell or series whose row has the column `Machine`: `uid` on that machine, with `variables` set and the rest kept. */
export function linkTo(uid: string, title: string, variables: Readonly<Record<string, string>>): DataLink {
  const set = Object.entries(variables).map(([name, value]) => `&var-${name}=${filledIn(value)}`);
  return { title, url: `/d/${uid}?${KEPT}${set.join('')}` };
}

/** From a column of paths in a table. */
export const TO_PATH = linkTo(UID.path, 'This path', {
  instance: '__data.fields.Machine:percentencode',
  path: '__value.raw:percentencode',
});
