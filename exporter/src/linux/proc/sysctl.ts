import { readdirSync } from 'node:fs';
import { ExporterError } from '../../errors.ts';
import type { Sysctls } from '../../mptcp/model.ts';
import { attempt, isMissing, readText } from './read.ts';

const VALUE_LIMIT = 4096;
const MOST_ENTRIES = 256;

/** Names in `pm_type` order (net/mptcp/pm.c): what kernels before 6.15 have in place of `path_manager`. */
const PATH_MANAGER_TYPES = ['kernel', 'userspace'];

/**
 * The `net.mptcp` sysctls of either kernel, from `${procfs}/sys/net/mptcp` (Documentation/networking/mptcp-sysctl.rst; the out-of-tree
 * kernel's are called `mptcp_…`). One that cannot be read is absent. Throws {@link ExporterError}: `not_supported` on a kernel
 * without MPTCP, `permission_denied` or `unreadable` when none can be read.
 */
export async function readSysctls(procfs: string): Promise<Sysctls> {
  const texts = await readTexts(`${procfs}/sys/net/mptcp`);
  const numeric = new Map<string, number>();
  for (const [name, text] of texts) if (/^-?\d{1,15}$/.test(text)) numeric.set(name, Number(text));

  const enabled = numeric.get('enabled') ?? numeric.get('mptcp_enabled');
  const scheduler = texts.get('scheduler') || texts.get('mptcp_scheduler');
  const pathManager = texts.get('path_manager') || texts.get('mptcp_path_manager') || pathManagerOfType(numeric);
  return {
    // The out-of-tree kernel's 2 means: on, for the sockets that ask for it.
    ...(enabled !== undefined && { enabled: enabled !== 0 }),
    ...(scheduler && { scheduler }),
    ...(pathManager && { pathManager }),
    numeric,
  };
}

function pathManagerOfType(numeric: ReadonlyMap<string, number>): string | undefined {
  const type = numeric.get('pm_type');
  return type === undefined ? undefined : (PATH_MANAGER_TYPES[type] ?? `type ${type}`);
}

async function readTexts(directory: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  let failure: unknown;
  for (const name of names(directory).slice(0, MOST_ENTRIES)) {
    try {
      texts.set(name, (await readText(`${directory}/${name}`, VALUE_LIMIT)).trim());
    } catch (caught) {
      failure = caught;
    }
  }
  if (texts.size === 0 && failure !== undefined) throw failure;
  return texts;
}

function names(directory: string): string[] {
  try {
    return attempt(directory, () => readdirSync(directory)).sort();
  } catch (caught) {
    if (!isMissing(caught)) throw caught;
    throw new ExporterError('not_supported', `this kernel has no MPTCP (there is no ${directory})`, {
      cause: caught,
      remedy: 'Boot a kernel built with CONFIG_MPTCP, Linux 5.6 or later.',
    });
  }
}
