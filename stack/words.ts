import { type Component, PART_NAMES } from './components.ts';
import type { Part, StackOptions } from './options.ts';
import { HOW_TO_GET, type InstalledPart } from './programs.ts';

const PURPOSES: Readonly<Record<Part, string>> = {
  exporter: 'the paths in words; /metrics is what Prometheus reads',
  prometheus: 'queries, rules, targets',
  alertmanager: 'alerts and silences',
  grafana: 'dashboards',
};

/** What a user wants to know once all runs: where everything is, and what is missing and how to get it. */
export function overview(
  { data, withLab }: StackOptions,
  components: readonly Component[],
  grafanaPasswordFrom: string | undefined,
  logs: string,
): string {
  const login = grafanaPasswordFrom && `; user admin, password at the first start ${grafanaPasswordFrom}`;
  const rows = [
    ...components.map(({ part, url }) => [
      PART_NAMES[part].replace(/^the /, ''),
      url,
      `${PURPOSES[part]}${(part === 'grafana' && login) || ''}`,
    ]),
    ['data', data, 'samples and settings; what you delete to begin anew'],
    ['logs', logs, 'what each program prints'],
  ];
  const missing = (Object.keys(HOW_TO_GET) as InstalledPart[]).filter(
    (part) => !components.some((component) => component.part === part),
  );
  return [
    '',
    ...table(rows),
    '',
    ...(withLab ? ['The exporter watches the three links of the lab, not this machine.'] : []),
    ...missing.map((part) => `without ${PART_NAMES[part]}, which is not on PATH: ${HOW_TO_GET[part]}`),
    'Ctrl-C stops all',
  ].join('\n');
}

/** Rows in aligned columns, the last as wide as it is. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
}
