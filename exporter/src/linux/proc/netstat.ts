import { ExporterError } from '../../errors.ts';
import type { Mib } from '../../mptcp/model.ts';
import { readText } from './read.ts';

const PREFIX = 'MPTcpExt:';

/**
 * The counters of the two `MPTcpExt:` lines of /proc/net/netstat (names, then values; net/mptcp/mib.c), names that we
 * do not know included. Throws {@link ExporterError}: `not_supported` without such lines, `malformed` when they do not pair.
 */
export function parseMib(text: string): Mib {
  const [names, values, surplus] = extensionLines(text);
  if (names === undefined) {
    throw new ExporterError('not_supported', 'the kernel reports no MPTcpExt counters', {
      remedy: 'Boot a kernel built with CONFIG_MPTCP, Linux 5.7 or later.',
    });
  }
  if (values === undefined || surplus !== undefined || names.length !== values.length) {
    throw new ExporterError(
      'malformed',
      `the MPTcpExt lines hold ${names.length} names and ${values?.length ?? 0} values`,
    );
  }
  const mib = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    const value = parseCounter(values[index] ?? '');
    if (value === undefined || !COUNTER_NAME.test(name) || mib.has(name)) {
      throw new ExporterError('malformed', `MPTcpExt counter ${index + 1} does not read as a name and a number`);
    }
    mib.set(name, value);
  }
  return mib;
}

/** Reads {@link Mib} from `${procfs}/net/netstat`. Throws what {@link parseMib} and {@link readText} throw. */
export async function readMib(procfs: string): Promise<Mib> {
  return parseMib(await readText(`${procfs}/net/netstat`));
}

/** What a counter's name may be made of, in either kernel. */
export const COUNTER_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/**
 * A counter printed as `%lu` or `%ld`, undefined when it is no integer. A gauge summed over processors while it moves
 * can be below zero for a moment, which `%lu` prints as nearly 2^64; that is told as 0.
 */
export function parseCounter(text: string): number | undefined {
  if (!/^-?\d{1,20}$/.test(text)) return undefined;
  const value = Number(text);
  return value < 0 || value >= 2 ** 63 ? 0 : value;
}

function extensionLines(text: string): string[][] {
  const lines: string[][] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith(PREFIX)) lines.push(line.slice(PREFIX.length).split(/\s+/).filter(Boolean));
  }
  return lines;
}
