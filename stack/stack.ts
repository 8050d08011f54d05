import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from './child.ts';
import { type Component, layOut, PART_NAMES } from './components.ts';
import { LogFile } from './log-file.ts';
import type { Part, StackOptions } from './options.ts';
import { grafanaPassword } from './password.ts';
import { portUnavailable } from './ports.ts';
import { findPrograms, HOW_TO_GET, type Programs } from './programs.ts';
import { StackError } from './stack-error.ts';
import { overview } from './words.ts';

const ENV_FILE = fileURLToPath(new URL('../.env', import.meta.url));

/**
 * Starts the programs, tells by `print` where they are, and keeps them until `stop` or until one ends; none is left running
 * when it settles. Throws StackError when it cannot start or one ended.
 */
export async function runStack(options: StackOptions, stop: AbortSignal, print: (text: string) => void): Promise<void> {
  const programs = findPrograms(process.env.PATH ?? '');
  if (programs.prometheus === undefined)
    throw new StackError(
      2,
      `Prometheus is not on PATH, and without it there is nothing to look at: ${HOW_TO_GET.prometheus}`,
    );
  await checkPorts(options, programs);
  const logs = prepare(options.data);
  const password = programs.grafana && grafanaPassword(process.env, ENV_FILE, join(options.data, 'grafana-password'));
  const components = layOut(options, programs, () => password?.password ?? '');
  const children: Child[] = [];
  try {
    print(`starting ${components.map(({ name }) => name).join(', ')}`);
    await start(components, logs, children, stop);
    print(overview(options, components, password?.from, logs));
    const broken = await Promise.race([
      untilStopped(stop),
      ...children.map((child) => child.ended.then((how) => ({ child, how }))),
    ]);
    // Ctrl-C in a terminal reaches all of them, and one may end before the signal is seen here.
    if (broken !== undefined && !(await soonStopped(stop)))
      throw new StackError(1, `${broken.child.obituary(broken.how, 'by itself')}\nstopping the rest`);
  } catch (error) {
    if (!(await soonStopped(stop))) throw error;
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

/** The exporter first, so that Prometheus' first look finds it; the rest at once. */
async function start(
  components: readonly Component[],
  logs: string,
  children: Child[],
  stop: AbortSignal,
): Promise<void> {
  const [first, ...rest] = components;
  for (const group of [first === undefined ? [] : [first], rest]) {
    stop.throwIfAborted();
    const started = group.map((component) => new Child(component, new LogFile(join(logs, `${component.part}.log`))));
    children.push(...started);
    await Promise.all(started.map((child) => child.healthy(stop)));
  }
}

async function checkPorts({ ports }: StackOptions, programs: Programs): Promise<void> {
  for (const part of Object.keys(ports) as Part[]) {
    if (part !== 'exporter' && programs[part] === undefined) continue;
    const reason = await portUnavailable(ports[part]);
    if (reason === undefined) continue;
    const address = `127.0.0.1:${ports[part]}`;
    if (reason !== 'EADDRINUSE')
      throw new StackError(2, `${address}, for ${PART_NAMES[part]}, cannot be listened on: ${reason}`);
    throw new StackError(2, `${address}, for ${PART_NAMES[part]}, is taken. ${remedy(part)} --${part}-port`);
  }
}

function remedy(part: Part): string {
  const service: Partial<Record<Part, string>> = {
    prometheus: 'prometheus',
    alertmanager: 'prometheus-alertmanager',
    grafana: 'grafana-server',
  };
  const name = service[part];
  return name === undefined
    ? 'Stop the other program or choose another with'
    : `Stop the other program (if it is the system's: systemctl disable --now ${name}) or choose another with`;
}

/** Makes the data folder; gives the folder of the logs. */
function prepare(data: string): string {
  const logs = join(data, 'logs');
  try {
    mkdirSync(logs, { recursive: true, mode: 0o700 });
    return logs;
  } catch (error) {
    throw new StackError(
      2,
      `--data: cannot write to ${data}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function untilStopped(stop: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (stop.aborted) resolve(undefined);
    else stop.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/** Whether `stop` has come, or comes within half a second. */
async function soonStopped(stop: AbortSignal): Promise<boolean> {
  await Promise.race([untilStopped(stop), new Promise((resolve) => setTimeout(resolve, 500))]);
  return stop.aborted;
}
