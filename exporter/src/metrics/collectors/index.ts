import type { Collector } from '../collector.ts';
import { aggregation } from './aggregation.ts';
import { connections } from './connections.ts';
import { endpoints } from './endpoints.ts';
import { events } from './events.ts';
import { interfaces } from './interfaces.ts';
import { mib } from './mib.ts';
import { pathHealth } from './path-health.ts';
import { paths } from './paths.ts';
import { probes } from './probes.ts';
import { ownProcess } from './process.ts';
import { source } from './source.ts';
import { subflows } from './subflows.ts';
import { sysctl } from './sysctl.ts';

/** Every collector, in the order of the exposition. A new one is one file and one line here. */
export const COLLECTORS: readonly Collector[] = [
  source,
  sysctl,
  connections,
  paths,
  pathHealth,
  subflows,
  endpoints,
  events,
  mib,
  interfaces,
  probes,
  aggregation,
  ownProcess,
];

/** What `--no-collector.NAME` can switch off; `source` stays, or nothing could say why the rest is missing. */
export const OPTIONAL_COLLECTORS: readonly string[] = COLLECTORS.filter((one) => one !== source).map(
  ({ name }) => name,
);
