import { bars } from '../bars.ts';
import { lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { stat, steps } from '../panels.ts';
import { rate } from '../promql.ts';
import { table } from '../tables.ts';
import { goodOrNot, NO_PROMETHEUS, NO_RULES } from '../words.ts';

const STAT = { width: 6, height: 4, noValue: NO_PROMETHEUS } as const;
const CHART = { width: 8, height: 8, noValue: NO_PROMETHEUS } as const;

// Prometheus' own series have names of their own, so that its job may be called anything.
const GROUP = '{{rule_group}}';
const REMOVE_FOLDER = '"rule_group", "$1", "rule_group", ".*/(.+)"';
const byGroup = (expression: string) => `sum by (rule_group) (label_replace(${expression}, ${REMOVE_FOLDER}))`;

/** Prometheus: does it scrape, evaluate and store. */
export const prometheus: Row = {
  id: 2,
  title: 'Prometheus',
  panels: [
    stat(
      {
        ...STAT,
        id: 201,
        title: 'Configuration',
        description:
          'Whether the last reload of its files succeeded. Refused: it goes on with the old ones; promtool check config prometheus/prometheus.yml names the mistake.',
        unit: 'none',
        mappings: [goodOrNot('Loaded', 'Refused')],
      },
      { expr: 'min by (instance) (prometheus_config_last_reload_successful)', legend: '{{instance}}' },
    ),
    stat(
      {
        ...STAT,
        id: 202,
        title: 'Rule failures in this time',
        description:
          'Evaluations of rules that failed: what they record is missing, and an alert among them cannot fire. Status > Rules in Prometheus names the error.',
        unit: 'short',
        noValue: NO_RULES,
        thresholds: steps('green', [0.5, 'red']),
      },
      { expr: 'sum(increase(prometheus_rule_evaluation_failures_total[$__range]))', legend: 'failures' },
    ),
    stat(
      {
        ...STAT,
        id: 203,
        title: 'Series in memory',
        description:
          'How many series Prometheus holds now. Each costs about 4 kB of memory: above some hundred thousand lower --subflow.limit.',
        unit: 'short',
      },
      { expr: 'sum by (instance) (prometheus_tsdb_head_series)', legend: '{{instance}}' },
    ),
    stat(
      {
        ...STAT,
        id: 204,
        title: 'Damage in this time',
        description:
          'Blocks that could not be compacted and damaged parts of the log: the disk is full or broken. Prometheus’ log says more.',
        unit: 'short',
        thresholds: steps('green', [0.5, 'red']),
      },
      {
        expr: 'sum(increase(prometheus_tsdb_compactions_failed_total[$__range])) + sum(increase(prometheus_tsdb_wal_corruptions_total[$__range]))',
        legend: 'damaged',
      },
    ),
    table({
      ...CHART,
      id: 205,
      title: 'Targets',
      description: 'Everything that Prometheus scrapes. Down: Status > Targets in Prometheus names the error.',
      unit: 'none',
      facts: [],
      labels: { job: 'Job', instance: 'Machine' },
      values: [
        {
          title: 'State',
          expr: 'max by (instance, job) (up)',
          unit: 'none',
          mappings: [goodOrNot('Up', 'Down')],
        },
        { title: 'Time per scrape', expr: 'max by (instance, job) (scrape_duration_seconds)', unit: 's' },
      ],
    }),
    lines(
      {
        ...CHART,
        id: 206,
        title: 'Failures of rules',
        description:
          'Evaluations that failed, per second, by the file and group of the rules. Status > Rules in Prometheus names the error.',
        unit: 'cps',
        noValue: NO_RULES,
      },
      [{ expr: byGroup(rate('prometheus_rule_evaluation_failures_total')), legend: GROUP }],
    ),
    lines(
      {
        ...CHART,
        id: 207,
        title: 'Time per group of rules',
        description:
          'How long the last evaluation of each group took. Near the group’s interval evaluations are missed: Prometheus is overloaded.',
        unit: 's',
        noValue: NO_RULES,
      },
      [{ expr: byGroup('prometheus_rule_group_last_duration_seconds'), legend: GROUP }],
    ),
    bars(
      {
        ...CHART,
        id: 208,
        title: 'Storage',
        description:
          'Bytes of finished blocks, and the limit above which the oldest are removed (--storage.tsdb.retention.size; 0: none). A block is finished after two hours.',
        unit: 'decbytes',
      },
      {
        expr: 'label_replace(sum by (instance) (prometheus_tsdb_storage_blocks_bytes), "what", "stored", "", "") or label_replace(sum by (instance) (prometheus_tsdb_retention_limit_bytes), "what", "limit", "", "")',
        legend: '{{what}} ({{instance}})',
      },
    ),
    lines(
      {
        ...CHART,
        id: 209,
        title: 'Samples stored',
        description: 'Samples per second that Prometheus takes in. A drop without cause: a target went away.',
        unit: 'cps',
      },
      [{ expr: `sum by (instance) (${rate('prometheus_tsdb_head_samples_appended_total')})`, legend: '{{instance}}' }],
    ),
    lines(
      {
        ...CHART,
        id: 210,
        title: 'Memory',
        description:
          'Resident memory of Prometheus. It grows with series and with long queries; what it needs to start again is about as much.',
        unit: 'decbytes',
      },
      [
        {
          expr: 'max by (instance) (process_resident_memory_bytes and on (job, instance) prometheus_build_info)',
          legend: '{{instance}}',
        },
      ],
    ),
  ],
};
