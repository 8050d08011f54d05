import { ExporterError } from '../errors.ts';
import { kernelKind, kernelRelease } from '../linux/proc/kernel.ts';
import { readMib } from '../linux/proc/netstat.ts';
import { readSysctls } from '../linux/proc/sysctl.ts';
import { type Run, run as runProgram } from '../linux/tool/exec.ts';
import { readInterfaces } from '../linux/tool/ip.ts';
import { readEndpoints, readLimits } from '../linux/tool/ip-mptcp.ts';
import { iproute2Version } from '../linux/tool/iproute2.ts';
import { readSs, type SsSockets } from '../linux/tool/ss.ts';
import { parseVersion, type Version } from '../linux/tool/version.ts';
import type { Capability, Incident, Part, PathManager, Reading } from '../mptcp/model.ts';
import { judgeCapabilities } from './capabilities.ts';
import { outcome } from './outcome.ts';
import type { Source } from './source.ts';

/** Where /proc is, how long one program may take, and for tests what runs it. */
export interface SsOptions {
  readonly procfs: string;
  readonly timeoutMs?: number;
  readonly run?: Run;
}

const TIMEOUT_MS = 3000;
const REMEMBER_MS = 60_000;

/**
 * The source for upstream kernels where netlink cannot be used: the programs `ss` and `ip` of iproute2 5.9 or later, and files under
 * `procfs`. A program that is missing or fails costs its own part of a reading only, and is tried again at the next.
 */
export async function openSsSource({ procfs, timeoutMs = TIMEOUT_MS, run = runProgram }: SsOptions): Promise<Source> {
  const kernel = remembered(() => readKernel(procfs));
  const ssVersion = remembered(() => iproute2Version(run, 'ss', timeoutMs));
  const ipVersion = remembered(() => iproute2Version(run, 'ip', timeoutMs));
  const capabilities = new Map<Capability, boolean>();

  const readSockets = async (): Promise<SsSockets> => {
    const { version } = await kernel();
    return await readSs(run, { iproute2: await ssVersion(), kernel: version }, timeoutMs);
  };
  const readPathManager = async (incidents: Incident[]): Promise<PathManager> => {
    await kernel();
    const [endpoints, limits] = await Promise.all([
      ipVersion().then((version) => readEndpoints(run, version, timeoutMs)),
      outcome(() => readLimits(run, timeoutMs)),
    ]);
    if (limits.failure !== undefined) incidents.push({ part: 'endpoints', code: limits.failure.code });
    return { endpoints, ...(limits.value !== undefined && { limits: limits.value }) };
  };

  const read = async (parts: ReadonlySet<Part>): Promise<Reading> => {
    const incidents: Incident[] = [];
    const [release, [dump, monotonicSeconds], interfaces, endpoints, mib, sysctl] = await Promise.all([
      outcome(async () => (await kernel()).release),
      outcome(readSockets).then((value) => [value, performance.now() / 1000] as const),
      outcome(() => readInterfaces(run, timeoutMs)),
      parts.has('endpoints') ? outcome(() => readPathManager(incidents)) : undefined,
      parts.has('mib') ? outcome(() => readMib(procfs)) : undefined,
      parts.has('sysctl') ? outcome(() => readSysctls(procfs)) : undefined,
    ]);
    const { value } = dump;
    for (let row = 0; row < (value?.malformed ?? 0); row++) incidents.push({ part: 'sockets', code: 'malformed' });
    const refused = value?.sockets.connectionsFailure;
    if (refused !== undefined) incidents.push({ part: 'sockets', code: refused.code });
    const sockets = value === undefined ? dump : { value: value.sockets };
    const evidence = { sockets, interfaces, ...(endpoints && { endpoints }), ...(mib && { mib }) };
    judgeCapabilities(capabilities, evidence);
    return {
      source: 'ss',
      kernel: 'upstream',
      ...(release.value !== undefined && { kernelRelease: release.value }),
      monotonicSeconds,
      ...evidence,
      ...(sysctl && { sysctl }),
      capabilities: new Map(capabilities),
      incidents,
    };
  };
  return { name: 'ss', kernel: 'upstream', read, close: () => undefined };
}

/** Its release; throws `not_supported` without upstream MPTCP, as `ss` would only print nothing. */
async function readKernel(procfs: string): Promise<{ readonly release: string; readonly version: Version }> {
  if ((await kernelKind(procfs)) !== 'upstream') {
    throw new ExporterError(
      'not_supported',
      `this kernel has no upstream MPTCP (there is no ${procfs}/sys/net/mptcp/enabled)`,
      {
        remedy: 'Boot a kernel built with CONFIG_MPTCP, Linux 5.6 or later.',
      },
    );
  }
  const release = await kernelRelease(procfs);
  const version = parseVersion(release);
  if (version === undefined) throw new ExporterError('malformed', `the kernel's release ${release} has no version`);
  return { release, version };
}

/** Keeps what succeeded for a minute: iproute2 may be upgraded under us. */
function remembered<T>(find: () => Promise<T>): () => Promise<T> {
  let found: { readonly promise: Promise<T>; readonly until: number } | undefined;
  return () => {
    if (found === undefined || performance.now() > found.until) {
      const promise = find();
      found = { promise, until: performance.now() + REMEMBER_MS };
      promise.catch(() => {
        found = undefined; // the error itself goes to those who asked
      });
    }
    return found.promise;
  };
}
