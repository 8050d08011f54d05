import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../host.ts';
import type { Lab } from '../lab.ts';
import { labDirectory, processesIn } from '../registry.ts';
import { type AppliedFault, applied } from './fault.ts';

/** A program as it was started (proc_pid_cmdline(5), proc_pid_environ(5)). */
interface Program {
  readonly pid: number;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
}

const DEAD_WITHIN_MS = 5000;
const LISTENING_WITHIN_MS = 15_000;

/** The exporters that run at one end. */
export const exportersAt = async (host: Host): Promise<readonly Program[]> =>
  processesIn(host.namespace).flatMap(readProgram).filter(isExporter);

/** Every program that listens at the server, exporters left out, is killed; at the end each is started again. */
export async function serverRestart(lab: Lab): Promise<AppliedFault> {
  const listening = await listeners(lab.server);
  const programs = listening.flatMap(readProgram).filter((program) => !isExporter(program));
  return killed(lab, lab.server, 'server-restart', programs);
}

/**
 * The exporters at one end are killed with SIGKILL; at the end each is started again with the same command line, so a test
 * that wants to find it again gives it an address of its own. What it then prints is in the lab's directory.
 */
export async function exporterRestart(lab: Lab, at: 'client' | 'server' = 'client'): Promise<AppliedFault> {
  return killed(lab, lab[at], 'exporter-restart', await exportersAt(lab[at]));
}

async function killed(lab: Lab, host: Host, name: string, programs: readonly Program[]): Promise<AppliedFault> {
  if (programs.length === 0) throw new Error(`nothing of the kind runs at the ${host.role}`);
  for (const { pid } of programs) process.kill(pid, 'SIGKILL');
  const deadline = Date.now() + DEAD_WITHIN_MS;
  while (programs.some(({ pid }) => processesIn(host.namespace).includes(pid))) {
    if (Date.now() > deadline) throw new Error(`programs at the ${host.role} survive SIGKILL`);
    await sleep(5);
  }
  return applied(lab, {
    name,
    detail: programs.map(({ command }) => command.join(' ')).join('; '),
    undo: async () => {
      const pids = programs.filter(isRepeatable).map((program) => startAgain(lab, host, program));
      await allListen(host, pids);
    },
  });
}

const isExporter = ({ command }: Program): boolean =>
  command.some((word) => /(^|\/)exporter\/dist\/main\.js$/.test(word)) && !command.includes('ip');

/** The lab's own traffic gets its orders on standard input; a test starts new traffic itself. */
const isRepeatable = ({ command }: Program): boolean => !command.some((word) => word.endsWith('/traffic/program.mjs'));

/** Detached, so that it outlives this process if the lab does; what is in the namespace is killed when the lab closes. */
function startAgain(lab: Lab, host: Host, { pid: before, command, env, directory }: Program): number {
  const log = openSync(join(labDirectory(lab.id), `restarted-${before}.log`), 'a');
  const args = ['netns', 'exec', host.namespace, ...command];
  const child = spawn('ip', args, { env, cwd: directory, detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  child.unref();
  if (child.pid === undefined) throw new Error(`cannot start ${command.join(' ')} again`);
  return child.pid;
}

async function allListen(host: Host, pids: readonly number[]): Promise<void> {
  const deadline = Date.now() + LISTENING_WITHIN_MS;
  for (;;) {
    const listening = await listeners(host);
    if (pids.every((pid) => listening.includes(pid))) return;
    if (Date.now() > deadline)
      throw new Error(`not listening again after ${LISTENING_WITHIN_MS} ms at the ${host.role}`);
    await sleep(50);
  }
}

/** The processes of the namespace with a listening TCP or MPTCP socket. */
async function listeners(host: Host): Promise<readonly number[]> {
  const text = `${await host.exec('ss', ['-tlnpH'])}${await host.exec('ss', ['-MlnpH'])}`;
  return [...new Set([...text.matchAll(/,pid=(\d+),/g)].map(([, pid]) => Number(pid)))];
}

/** Nothing for a process that has ended since it was listed. */
function readProgram(pid: number): readonly Program[] {
  const words = (file: string) =>
    readFileSync(`/proc/${pid}/${file}`, 'utf8')
      .split('\0')
      .filter((word) => word !== '');
  try {
    const env = words('environ').map((pair) => {
      const [name = '', ...value] = pair.split('=');
      return [name, value.join('=')];
    });
    const directory = readlinkSync(`/proc/${pid}/cwd`);
    return [{ pid, command: words('cmdline'), env: Object.fromEntries(env), directory }];
  } catch (error) {
    if (existsSync(`/proc/${pid}/cwd`)) throw error;
    return [];
  }
}
