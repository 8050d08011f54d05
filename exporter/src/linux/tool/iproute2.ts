import { ExporterError } from '../../errors.ts';
import type { Run } from './exec.ts';
import { isAtLeast, parseVersion, type Version } from './version.ts';

/** The programs of iproute2 that are run. */
export type Iproute2Program = 'ss' | 'ip';

/** The first release with `ss -M`, and the oldest whose text is known. */
const OLDEST: Version = { major: 5, minor: 9 };

/**
 * Asks a program of iproute2 for its release. Throws {@link ExporterError}: `not_supported` before 5.9 and for another
 * program of that name, else what {@link Run} throws.
 */
export async function iproute2Version(run: Run, program: Iproute2Program, timeoutMs: number): Promise<Version> {
  const text = await run(program, ['-V'], { timeoutMs, maxBytes: 4096 });
  const version = parseVersion(text);
  if (version === undefined || !isAtLeast(version, OLDEST.major, OLDEST.minor)) {
    throw new ExporterError('not_supported', `this ${program} does not know MPTCP (${text.trim().slice(0, 80)})`, {
      remedy: 'Install iproute2 5.9 or later, or use --source=netlink.',
    });
  }
  return version;
}
