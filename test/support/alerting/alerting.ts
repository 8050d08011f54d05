import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';
import { writeAlerting } from '../../../prometheus/src/write.ts';
import type { Lab } from '../../lab/lab.ts';
import { nodeProgram } from '../../lab/node-program.ts';
import { labDirectory } from '../../lab/registry.ts';
import { type RunningExporter, startExporter } from '../exporter.ts';
import { type Prometheus, prometheusUnavailable, startPrometheus } from '../prometheus.ts';

const WEBHOOK = new URL('webhook-program.ts', import.meta.url);
const WEBHOOK_PORT = 9094;
const ALERTMANAGER = '127.0.0.1:9093';
const EXPORTER = '127.0.0.1:10262';

/** One alert of one message, as it reached the receiver. */
export interface Notice {
  /** In seconds of this process's monotonic clock, as faults have it. */
  readonly at: number;
  readonly alert: string;
  readonly status: 'firing' | 'resolved';
  readonly path: string | undefined;
  readonly severity: string | undefined;
  readonly reason: string | undefined;
  readonly description: string;
}

/** Exporter, Prometheus, Alertmanager and a receiver of webhooks in a lab's client, with the shipped configuration. */
export interface Alerting {
  readonly exporter: RunningExporter;
  readonly prometheus: Prometheus;
  /** What people were told so far, in order. */
  readonly notices: readonly Notice[];
  /** How often the heartbeat has come. */
  readonly heartbeats: () => number;
  /** The first notice that fits; throws with all that came when none does within the time. */
  awaitNotice(alert: string, status: Notice['status'], path: string | undefined, seconds: number): Promise<Notice>;
}

/** Why alerts cannot be sent here, in one line with the remedy; undefined when they can. */
export const alertingUnavailable =
  prometheusUnavailable ??
  (spawnSync('prometheus-alertmanager', ['--version']).status === 0
    ? undefined
    : 'needs prometheus-alertmanager (on Debian: apt-get install prometheus-alertmanager)');

interface Message {
  readonly at: number;
  readonly to: string;
  readonly says: {
    readonly alerts: readonly {
      readonly status: 'firing' | 'resolved';
      readonly labels: Readonly<Record<string, string>>;
      readonly annotations: Readonly<Record<string, string>>;
    }[];
  };
}

/** Starts them, the exporter with `exporterArgs` besides, and waits until they are ready; all of them end with the lab. */
export async function startAlerting(lab: Lab, exporterArgs: readonly string[] = []): Promise<Alerting> {
  const notices: Notice[] = [];
  let heartbeats = 0;
  const [program, ...args] = nodeProgram(WEBHOOK);
  const webhook = lab.client.spawn(program, [...args, String(WEBHOOK_PORT)]);
  await webhook.waitForLine(/^listening$/, 30_000);
  webhook.onLine((line) => {
    const message = JSON.parse(line) as Message;
    if (message.to === '/heartbeat') heartbeats++;
    else notices.push(...noticesOf(message));
  });

  const file = (name: string) => join(labDirectory(lab.id), name);
  const url = (to: string) => `http://127.0.0.1:${WEBHOOK_PORT}/${to}`;
  writeFileSync(file('receivers.yml'), `webhook: {url: '${url('people')}'}\nheartbeat: {url: '${url('heartbeat')}'}\n`);
  await writeAlerting(file('receivers.yml'), file('alertmanager.yml'));
  lab.client.spawn('prometheus-alertmanager', [
    `--config.file=${file('alertmanager.yml')}`,
    `--storage.path=${file('alertmanager')}`,
    `--web.listen-address=${ALERTMANAGER}`,
    '--cluster.listen-address=',
  ]);
  const exporter = await startExporter({ prefix: lab.client.prefix, listen: EXPORTER, args: exporterArgs });
  const prometheus = await startPrometheus(lab);

  return {
    exporter,
    prometheus,
    notices,
    heartbeats: () => heartbeats,
    awaitNotice: (alert, status, path, seconds) => {
      const found = () => notices.find((one) => one.alert === alert && one.status === status && one.path === path);
      return vi.waitUntil(found, { timeout: seconds * 1000, interval: 200 }).catch(() => {
        throw new Error(`no word of ${alert} ${status} ${path} in ${seconds} s, but ${JSON.stringify(notices)}`);
      });
    },
  };
}

function noticesOf({ at, says }: Message): Notice[] {
  return says.alerts.map(({ status, labels, annotations }) => ({
    at: (at - performance.timeOrigin) / 1000,
    alert: labels.alertname ?? '',
    status,
    path: labels.path,
    severity: labels.severity,
    reason: annotations.reason,
    description: annotations.description ?? '',
  }));
}
