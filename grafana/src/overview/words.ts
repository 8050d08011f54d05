import { words } from '../panels.ts';

/** Text of an empty panel that any running exporter fills. */
export const NO_EXPORTER = 'Nothing yet: is the exporter running, and up under Status > Targets in Prometheus?';
/** Text of an empty panel that needs bytes on the wire. */
export const NO_TRAFFIC =
  'No MPTCP traffic in this time: choose a longer range, or start some (mptcpize run curl ...).';
/** Text of an empty panel that needs an open subflow. */
export const NO_SUBFLOW = 'No MPTCP subflow now: start an application that uses MPTCP (mptcpize run ...).';
/** Series name of a path; the same in every chart, so that Grafana gives it the same colour. */
export const PATH_LEGEND = '{{path}} ({{instance}})';
/** 1 is good and green, 0 is not and red. */
export const goodOrNot = (good: string, bad: string) => words({ 1: [good, 'green'], 0: [bad, 'red'] });
