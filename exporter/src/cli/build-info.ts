import { readFileSync } from 'node:fs';
import type { BuildInfo } from '../metrics/registry.ts';

/** The package's root, seen from the sources and from the build alike. */
const ROOT = new URL('../../../', import.meta.url);

const REVISION_DIGITS = 12;

/**
 * Version from package.json; revision from MPTCP_EXPORTER_REVISION (set by the image's build), else from the git
 * checkout that this runs in, else `unknown`.
 */
export function readBuildInfo(): BuildInfo {
  const { version } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { version: string };
  const revision = process.env.MPTCP_EXPORTER_REVISION ?? checkoutRevision();
  return { version, revision: revision?.slice(0, REVISION_DIGITS) ?? 'unknown' };
}

/** The line of `--version`. */
export function versionLine({ version, revision }: BuildInfo): string {
  return `mptcp-exporter ${version} (revision ${revision}, node ${process.version})`;
}

function checkoutRevision(): string | undefined {
  const head = readLine('.git/HEAD');
  const revision = head?.startsWith('ref: ') ? readLine(`.git/${head.slice('ref: '.length)}`) : head;
  return revision !== undefined && /^[0-9a-f]{40}/.test(revision) ? revision : undefined;
}

function readLine(path: string): string | undefined {
  try {
    return readFileSync(new URL(path, ROOT), 'utf8').trim();
  } catch {
    // Not a checkout, or its references are packed: the revision is then unknown, which is what we say.
    return undefined;
  }
}
