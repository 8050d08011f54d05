import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { claimLab, namespaceName, releaseLab } from './registry.ts';
import { run } from './run.ts';

/** The Debian package of each program that a lab needs. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  tc: 'iproute2',
  sysctl: 'procps',
  ping: 'iputils-ping',
  iperf3: 'iperf3',
  mptcpize: 'mptcpize',
};
const EMULATION_PACKAGES: Readonly<Record<string, string>> = { vde_switch: 'vde2', wirefilter: 'vde2' };
const FAULT_PACKAGES: Readonly<Record<string, string>> = { nft: 'nftables', faketime: 'faketime' };

let netem: Promise<boolean> | undefined;

/** Whether this kernel has netem, tried once per process in a throwaway namespace; needs root. */
export function hasNetem(): Promise<boolean> {
  netem ??= inThrowawayNamespace(async (namespace) => {
    try {
      await run('tc', ['-n', namespace, 'qdisc', 'add', 'dev', 'lo', 'root', 'netem']);
      return true;
    } catch {
      return false;
    }
  });
  return netem;
}

/** Why no lab can be made here, in one line with the remedy; undefined when one can. */
export async function labUnavailable(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root, to make network namespaces';
  if (!existsSync('/proc/sys/net/mptcp/enabled')) return 'needs a kernel with Multipath TCP (CONFIG_MPTCP)';
  const lacking = missing(PACKAGES);
  if (lacking !== undefined) return lacking;
  try {
    if (await hasNetem()) return undefined;
  } catch (error) {
    return `cannot make network namespaces: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (!existsSync('/dev/net/tun')) return 'needs netem or /dev/net/tun in the kernel, to shape links';
  return missing(EMULATION_PACKAGES);
}

/** Which programs the faults need besides the lab's own, in one line with the remedy; undefined when all are there. */
export const faultsUnavailable = (): string | undefined => missing(FAULT_PACKAGES);

function missing(packages: Readonly<Record<string, string>>): string | undefined {
  const programs = Object.keys(packages).filter((program) => !isOnPath(program));
  if (programs.length === 0) return undefined;
  const wanted = [...new Set(programs.map((program) => packages[program]))].join(' ');
  return `needs ${programs.join(', ')} (on Debian: apt-get install ${wanted})`;
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

async function inThrowawayNamespace<T>(use: (namespace: string) => Promise<T>): Promise<T> {
  const id = claimLab();
  try {
    await run('ip', ['netns', 'add', namespaceName(id, 'probe')]);
    return await use(namespaceName(id, 'probe'));
  } finally {
    releaseLab(id);
  }
}
