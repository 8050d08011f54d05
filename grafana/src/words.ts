import { words } from './panels.ts';

/** Text of an empty panel that any running exporter fills. */
export const NO_EXPORTER = 'Nothing yet: is the exporter running, and up under Status > Targets in Prometheus?';
/** Text of an empty panel that needs bytes on the wire. */
export const NO_TRAFFIC =
  'No MPTCP traffic in this time: choose a longer range, or start some (mptcpize run curl ...).';
/** Text of an empty panel that needs an open subflow. */
export const NO_SUBFLOW = 'No MPTCP subflow now: start an application that uses MPTCP (mptcpize run ...).';
/** Text of an empty panel whose counter not every kernel has. */
export const NO_COUNTER = 'This kernel does not count these, or the exporter is not running.';
/** Text of an empty panel that needs latency probes. */
export const NO_PROBE = 'No probe has run: configure some under probes: in the file of --config.file.';
/** Text of an empty panel that needs a measurement of throughput or transfer time. */
export const NO_MEASUREMENT =
  'Nothing measured yet: configure throughput or transfer probes under probes: in the file of --config.file.';
/** Text of an empty panel that needs what the shipped rules record. */
export const NO_RULES = 'No rules are loaded: take rule_files from prometheus/prometheus.yml.';
/** Text of an empty panel that needs one of Prometheus' own series. */
export const NO_PROMETHEUS =
  'Prometheus does not scrape itself: take the job prometheus from prometheus/prometheus.yml.';
/** Text of an empty panel that needs one of Alertmanager's own series. */
export const NO_ALERTMANAGER =
  'Prometheus does not scrape Alertmanager: take the job alertmanager from prometheus/prometheus.yml.';

/**
 * Series name of a path on every chart of every dashboard. Grafana picks colours by this name (palette-classic-by-name),
 * so that a path has one colour everywhere and keeps it when others come and go.
 */
export const PATH_LEGEND = '{{path}} on {{instance}}';
/** The label `series` with the name of {@link PATH_LEGEND}, where a legend cannot be given because labels become fields. */
export const namedAsPath = (expression: string) => `label_join(${expression}, "series", " on ", "path", "instance")`;
/** Colours that a name alone would not give: MPTCP as a whole, and sums. */
export const MEASURED_TOGETHER: Readonly<Record<string, string>> = { '/^mptcp on /': 'dark-purple' };

/** 1 is good and green, 0 is not and red. */
export const goodOrNot = (good: string, bad: string) => words({ 1: [good, 'green'], 0: [bad, 'red'] });
