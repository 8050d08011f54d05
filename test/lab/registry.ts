import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The two ends of every lab, where an interface is while it is unplugged, and the throwaway namespace in which the kernel is tried. */
export type Role = 'client' | 'server' | 'limbo' | 'probe';

/** A lab that left traces on this machine: a namespace, a directory or both. */
export interface KnownLab {
  readonly id: string;
  readonly ownerPid: number;
  /** False when the process that made it is gone: then it is a leftover. */
  readonly ownerAlive: boolean;
}

/** Links that must go with a lab even when orphaned sockets hold its namespace a little longer are in this `ip link` group. */
export const LINK_GROUP = 77;

const PREFIX = 'mptcp-lab-';
/** Where `ip netns` keeps its namespaces. */
export const NAMESPACES = '/var/run/netns';
const ROLES: readonly Role[] = ['client', 'server', 'limbo', 'probe'];
const ID = /^(\d+)-([0-9a-z]+)-[0-9a-f]+$/;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Where labs keep sockets and their description, one directory each; removed with the lab. */
export const stateDirectory = (): string => join(tmpdir(), 'mptcp-lab');
/** The directory of one lab. */
export const labDirectory = (id: string): string => join(stateDirectory(), id);
/** The network namespace of one end of a lab. */
export const namespaceName = (id: string, role: Role): string => `${PREFIX}${id}-${role}`;

/** When a process started, in clock ticks since boot (proc_pid_stat(5), field 22); undefined when there is none. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

const inBase36 = (ticks: string): string => Number(ticks).toString(36);

const mine = new Set<string>();

/**
 * Takes a new id, made of this process's pid and start time, so that the names alone tell later whether the owner still
 * lives; makes its directory and sees to its removal however this process ends, save by SIGKILL.
 */
export function claimLab(): string {
  const id = `${process.pid}-${inBase36(startTime(process.pid) ?? '0')}-${randomBytes(3).toString('hex')}`;
  if (mine.size === 0) {
    process.on('exit', removeMine);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  mine.add(id);
  mkdirSync(labDirectory(id), { recursive: true, mode: 0o700 });
  return id;
}

/** Takes a lab of this process down; once it is down, again is harmless. */
export function releaseLab(id: string): void {
  removeLab(id);
  mine.delete(id);
  if (mine.size > 0) return;
  process.off('exit', removeMine);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

function removeMine(): void {
  for (const id of [...mine]) releaseLab(id);
}

function onSignal(signal: NodeJS.Signals): void {
  const alone = process.listenerCount(signal) === 1;
  removeMine();
  // Whoever else listens decides what the signal means; alone, it means what it would without us.
  if (alone) process.kill(process.pid, signal);
}

/** Every lab with traces on this machine, of whichever process. */
export function knownLabs(): KnownLab[] {
  const fromNamespaces = entries(NAMESPACES)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => name.slice(PREFIX.length, name.lastIndexOf('-')));
  return [...new Set([...fromNamespaces, ...entries(stateDirectory())])].flatMap((id) => {
    const [, pid, start] = ID.exec(id) ?? [];
    if (pid === undefined || start === undefined) return [];
    const ticks = startTime(Number(pid));
    return [{ id, ownerPid: Number(pid), ownerAlive: ticks !== undefined && inBase36(ticks) === start }];
  });
}

/** Removes what dead owners left behind, never a lab of a living one; gives the ids removed. */
export function sweepLeftovers(): string[] {
  const left = knownLabs().filter(({ ownerAlive }) => !ownerAlive);
  for (const { id } of left) removeLab(id);
  return left.map(({ id }) => id);
}

/** Ends a lab's processes, links, namespaces and directory; synchronous, so that it can run while the process exits. */
function removeLab(id: string): void {
  const names = ROLES.map((role) => namespaceName(id, role)).filter((name) => entries(NAMESPACES).includes(name));
  for (const name of names) killProcesses(name);
  for (const name of names) {
    spawnSync('ip', ['-n', name, 'link', 'del', 'group', String(LINK_GROUP)], { timeout: 5000 });
    spawnSync('ip', ['netns', 'del', name], { timeout: 5000 });
  }
  rmSync(labDirectory(id), { recursive: true, force: true });
  // Two that sweep at once trip over each other's commands; what counts is that nothing is left.
  const left = names.filter((name) => entries(NAMESPACES).includes(name));
  if (left.length > 0)
    throw new Error(`cannot remove the network namespaces ${left.join(', ')}: remove them with "ip netns del"`);
}

function killProcesses(namespace: string): void {
  const deadline = Date.now() + 5000;
  for (;;) {
    const pids = processesIn(namespace);
    if (pids.length === 0) return;
    if (Date.now() > deadline)
      throw new Error(`processes ${pids.join(', ')} in namespace ${namespace} survive SIGKILL`);
    for (const pid of pids) kill(pid);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It may have ended since it was listed.
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

/** The processes that live in a network namespace, this one left out. */
export function processesIn(namespace: string): number[] {
  const target = identity(join(NAMESPACES, namespace));
  if (target === undefined) return [];
  return entries('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && identity(`/proc/${name}/ns/net`) === target)
    .map(Number);
}

function identity(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    // Gone meanwhile, or a zombie, which is in no namespace.
    return undefined;
  }
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    // Neither directory exists before the first namespace or lab.
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
