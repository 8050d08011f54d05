import { asExporterError, ExporterError } from '../errors.ts';
import { kernelKind } from '../linux/proc/kernel.ts';
import type { SourceName } from '../mptcp/model.ts';
import { openNetlinkSource } from './netlink.ts';
import { openProcfsSource } from './procfs.ts';
import type { Source } from './source.ts';
import { openSsSource } from './ss.ts';
import { unavailableSource } from './unavailable.ts';

/** What every source is opened with: where /proc is, and how long one request to the kernel or to a tool may take. */
export interface OpenOptions {
  readonly procfs: string;
  readonly timeoutMs?: number;
}

/** `--source` and what the sources need. */
export interface ChooseOptions extends OpenOptions {
  readonly source: 'auto' | SourceName;
}

/** Opens one source, or throws an {@link ExporterError}. */
export type Open = (options: OpenOptions) => Source | Promise<Source>;

/** A source, and in one line for the log why it is this one. */
export interface ChosenSource {
  readonly source: Source;
  readonly reason: string;
}

const OPENERS: Readonly<Record<SourceName, Open>> = {
  netlink: openNetlinkSource,
  ss: openSsSource,
  procfs: openProcfsSource,
};

/**
 * Opens the source that `--source` names; for `auto` the one that fits the kernel: procfs for the out-of-tree one, else netlink, and ss
 * where netlink cannot be opened. `auto` always gives a source, if need be one whose readings say what failed.
 * Throws {@link ExporterError} for a named source that cannot work here. `openers` exists for tests.
 */
export async function openSource(
  { source, ...options }: ChooseOptions,
  openers: Readonly<Record<SourceName, Open>> = OPENERS,
): Promise<ChosenSource> {
  if (source === 'auto') return await openFitting(options, openers);
  // The procfs source knows its kernel itself; the others would only read an empty answer of the wrong one.
  if (source !== 'procfs' && (await kernelKind(options.procfs)) === 'out-of-tree') {
    throw new ExporterError(
      'not_supported',
      `the ${source} source reads upstream MPTCP, and this kernel's is out of tree`,
      {
        remedy: 'Use --source=auto or --source=procfs.',
      },
    );
  }
  return { source: await openers[source](options), reason: `--source=${source}` };
}

async function openFitting(options: OpenOptions, openers: Readonly<Record<SourceName, Open>>): Promise<ChosenSource> {
  const { names, because } = await fitting(options.procfs);
  let reason = because;
  let failure = new ExporterError('internal', 'no source was tried');
  for (const name of names) {
    try {
      return { source: await openers[name](options), reason };
    } catch (caught) {
      failure = asExporterError(caught);
      reason = `${name} cannot be used (${failure.message})`;
    }
  }
  return { source: unavailableSource(options.procfs, failure), reason: `no source can be opened: ${reason}` };
}

/** The sources to try in turn, and why the first. */
async function fitting(procfs: string): Promise<{ readonly names: readonly SourceName[]; readonly because: string }> {
  try {
    const kind = await kernelKind(procfs);
    if (kind === 'out-of-tree') return { names: ['procfs'], because: 'the kernel has out-of-tree MPTCP' };
    const because = kind === 'upstream' ? 'the kernel has upstream MPTCP' : `there is no MPTCP under ${procfs}`;
    return { names: ['netlink', 'ss'], because };
  } catch (caught) {
    return {
      names: ['netlink', 'ss'],
      because: `which MPTCP the kernel has is unknown (${asExporterError(caught).message})`,
    };
  }
}
