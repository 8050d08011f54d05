import { accessSync } from 'node:fs';
import type { KernelKind } from '../../mptcp/model.ts';
import { attempt, isMissing, readText } from './read.ts';

/**
 * Which MPTCP the kernel has, by the name of its main sysctl: `mptcp_enabled` is the out-of-tree kernel's, `enabled`
 * mainline's; undefined without either. Throws {@link ExporterError} when it may not be asked.
 */
export async function kernelKind(procfs: string): Promise<KernelKind | undefined> {
  const sysctls = `${procfs}/sys/net/mptcp`;
  if (exists(`${sysctls}/mptcp_enabled`)) return 'out-of-tree';
  if (exists(`${sysctls}/enabled`)) return 'upstream';
  return undefined;
}

/** The kernel's release (`6.18.44`), from `${procfs}/sys/kernel/osrelease`. Throws what {@link readText} throws. */
export async function kernelRelease(procfs: string): Promise<string> {
  return (await readText(`${procfs}/sys/kernel/osrelease`, 4096)).trim();
}

function exists(path: string): boolean {
  try {
    attempt(path, () => accessSync(path));
    return true;
  } catch (caught) {
    if (isMissing(caught)) return false;
    throw caught;
  }
}
