import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { showConfiguration, withPorts } from './configuration.ts';
import type { Part, StackOptions } from './options.ts';
import type { Programs } from './programs.ts';

/** A program of the stack: how it is started and how it shows that it works. */
export interface Component {
  readonly part: Part;
  /** As people call it. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** On top of this process's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Without a slash at the end. */
  readonly url: string;
  /** Answers 200 as soon as the program does its work. */
  readonly healthPath: string;
  readonly startSeconds: number;
}

/** As people call the programs. */
export const PART_NAMES: Readonly<Record<Part, string>> = {
  exporter: 'the exporter',
  prometheus: 'Prometheus',
  alertmanager: 'Alertmanager',
  grafana: 'Grafana',
};

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** Writes the configuration into the data folder, which exists, and gives the programs in the order in which they start. */
export function layOut(options: StackOptions, programs: Programs, grafanaPassword: () => string): readonly Component[] {
  const { data } = options;
  const change = withPorts(options.ports);
  const prometheusFiles = join(data, 'prometheus-files');
  showConfiguration(join(ROOT, 'prometheus'), prometheusFiles, change);
  const { prometheus, alertmanager, grafana } = programs;
  return [
    exporter(options),
    ...(prometheus === undefined ? [] : [startPrometheus(options, prometheus, prometheusFiles)]),
    ...(alertmanager === undefined ? [] : [startAlertmanager(options, alertmanager, prometheusFiles)]),
    ...(grafana === undefined ? [] : [startGrafana(options, grafana, grafanaPassword())]),
  ];
}

type Command = readonly [string, ...string[]];

const url = ({ ports }: StackOptions, part: Part): string => `http://127.0.0.1:${ports[part]}`;

function exporter(options: StackOptions): Component {
  const { ports, withLab, exporterFlags } = options;
  const command: Command = withLab
    ? [
        process.execPath,
        '--import',
        import.meta.resolve('tsx'),
        join(ROOT, 'test/lab/demo.ts'),
        `--port=${ports.exporter}`,
      ]
    : [
        process.execPath,
        join(ROOT, 'exporter/dist/main.js'),
        `--web.listen-address=127.0.0.1:${ports.exporter}`,
        ...exporterFlags,
      ];
  return {
    part: 'exporter',
    name: withLab ? 'the demo with its exporter' : PART_NAMES.exporter,
    command,
    url: url(options, 'exporter'),
    healthPath: '/-/ready',
    startSeconds: withLab ? 60 : 20,
  };
}

function startPrometheus(options: StackOptions, program: Command, files: string): Component {
  return {
    part: 'prometheus',
    name: PART_NAMES.prometheus,
    command: [
      ...program,
      `--config.file=${join(files, 'prometheus.yml')}`,
      `--web.listen-address=127.0.0.1:${options.ports.prometheus}`,
      `--storage.tsdb.path=${join(options.data, 'prometheus')}`,
      '--storage.tsdb.retention.time=90d',
      '--storage.tsdb.retention.size=8GB',
    ],
    url: url(options, 'prometheus'),
    healthPath: '/-/ready',
    // It reads what it had not yet written out first.
    startSeconds: 120,
  };
}

function startAlertmanager(options: StackOptions, program: Command, files: string): Component {
  // What `npm run alerting` has written tells somebody; the shipped one nobody.
  const own = join(files, 'secrets/alertmanager.yml');
  return {
    part: 'alertmanager',
    name: PART_NAMES.alertmanager,
    command: [
      ...program,
      `--config.file=${existsSync(own) ? own : join(files, 'alertmanager.yml')}`,
      `--web.listen-address=127.0.0.1:${options.ports.alertmanager}`,
      `--web.external-url=${url(options, 'alertmanager')}`,
      // One alone needs no cluster, whose port would be open to everyone.
      '--cluster.listen-address=',
      `--storage.path=${join(options.data, 'alertmanager')}`,
    ],
    url: url(options, 'alertmanager'),
    healthPath: '/-/ready',
    startSeconds: 20,
  };
}

function startGrafana(options: StackOptions, program: Command, password: string): Component {
  const { data, ports } = options;
  const [provisioning, settings] = [join(data, 'grafana-provisioning'), join(data, 'grafana.ini')];
  showConfiguration(join(ROOT, 'grafana/provisioning'), provisioning, withPorts(ports));
  writeFileSync(
    settings,
    '# Empty, so that no other settings of this machine apply: the stack sets all by the environment.\n',
  );
  const dashboards = join(ROOT, 'grafana/dashboards');
  return {
    part: 'grafana',
    name: PART_NAMES.grafana,
    command: [...program, `--config=${settings}`],
    environment: {
      GF_SERVER_HTTP_ADDR: '127.0.0.1',
      GF_SERVER_HTTP_PORT: String(ports.grafana),
      GF_PATHS_DATA: join(data, 'grafana'),
      GF_PATHS_LOGS: join(data, 'grafana/log'),
      GF_PATHS_PLUGINS: join(data, 'grafana/plugins'),
      GF_PATHS_PROVISIONING: provisioning,
      GF_LOG_MODE: 'console',
      GF_SECURITY_ADMIN_PASSWORD: password,
      GF_USERS_ALLOW_SIGN_UP: 'false',
      GF_AUTH_ANONYMOUS_ENABLED: 'false',
      GF_ANALYTICS_REPORTING_ENABLED: 'false',
      GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
      GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
      GF_PLUGINS_PREINSTALL_DISABLED: 'true',
      MPTCP_DASHBOARDS: dashboards,
      GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: join(dashboards, 'overview.json'),
    },
    url: url(options, 'grafana'),
    healthPath: '/api/health',
    // The first start makes its database.
    startSeconds: 180,
  };
}
