import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { type AnnotationQuery, AnnotationQueryBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE } from './panels.ts';
import { from, onPath } from './promql.ts';

interface Plan {
  readonly name: string;
  readonly colour: string;
  readonly expr: string;
  readonly title: string;
  readonly text: string;
  /** The value is the moment of the event in milliseconds; else events are where the value is above 0. */
  readonly valueIsTime: boolean;
}

// A judgement that has stood since the exporter started is no event.
const CHANGED = `1000 * (max by (instance, path) (${onPath('mptcp_path_last_change_timestamp_seconds')}) > on (instance) group_left () (max by (instance) (${from('process_start_time_seconds')}) + 5))`;
const STATE = `max by (instance, path, state) (${onPath('mptcp_path_state')} == 1)`;
const WHY = `max by (instance, path, reason) (${onPath('mptcp_path_state_reason')} == 1)`;
const ENTERED = `${STATE} * on (instance, path) group_left () (${CHANGED})`;

/** What is now and was not one step ago, on machines that were being read then. */
const appeared = (facts: string, before: string) =>
  `(${facts} unless ${before}) and on (instance) max by (instance) (${from('mptcp_up')} offset $__interval)`;

/** What was one step ago and is no more, on machines that are read. */
const vanished = (facts: string, before: string) =>
  `(${before} unless ${facts}) and on (instance) max by (instance) (${from('mptcp_up')})`;

function now(metric: string, labels: string): string {
  return `max by (instance, ${labels}) (${from(metric)})`;
}

function earlier(metric: string, labels: string): string {
  return `max by (instance, ${labels}) (${from(metric)} offset $__interval)`;
}

function configuration(name: string, metric: string, labels: string, which: typeof appeared, text: string): Plan {
  return {
    name,
    colour: 'purple',
    expr: which(now(metric, labels), earlier(metric, labels)),
    title: `${name} ({{instance}})`,
    text,
    valueIsTime: false,
  };
}

const ENDPOINT = 'id, address, interface, flags';

const PLANS: readonly Plan[] = [
  {
    name: 'Path in trouble',
    colour: 'red',
    // One event a reason, at the moment the path entered its state.
    expr: `${WHY} * on (instance, path) group_left (state) (${ENTERED})`,
    title: '{{path}} {{state}} ({{instance}})',
    text: '{{reason}}',
    valueIsTime: true,
  },
  {
    name: 'Path well',
    colour: 'green',
    expr: `(${ENTERED}) unless on (instance, path) ${WHY}`,
    title: '{{path}} {{state}} ({{instance}})',
    text: 'no reason stands',
    valueIsTime: true,
  },
  configuration('Scheduler changed', 'mptcp_scheduler_info', 'scheduler', appeared, 'now {{scheduler}}'),
  configuration('Path manager changed', 'mptcp_path_manager_info', 'path_manager', appeared, 'now {{path_manager}}'),
  configuration('Endpoint added', 'mptcp_endpoint_info', ENDPOINT, appeared, '{{address}} {{interface}} {{flags}}'),
  configuration('Endpoint removed', 'mptcp_endpoint_info', ENDPOINT, vanished, '{{address}} {{interface}} {{flags}}'),
];

/** Events drawn over every chart: paths that changed state, and changes of what MPTCP is told to do. */
export const ANNOTATIONS: readonly Builder<AnnotationQuery>[] = PLANS.map((plan) =>
  new AnnotationQueryBuilder()
    .name(plan.name)
    .datasource(DATASOURCE)
    .enable(true)
    .iconColor(plan.colour)
    .expr(plan.expr)
    .step('15s')
    .titleFormat(plan.title)
    .textFormat(plan.text)
    .tagKeys('instance,path')
    .useValueForTime(plan.valueIsTime),
);
