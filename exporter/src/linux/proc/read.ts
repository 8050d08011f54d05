import { closeSync, constants, openSync, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ExporterError } from '../../errors.ts';

/** Most that is read of one table: /proc/net/tcp has 150 bytes a row, so this is some 400,000 sockets. */
export const TABLE_LIMIT = 64 * 1024 * 1024;

/** Most that is read of one file that holds a few lines. */
export const SMALL_LIMIT = 1024 * 1024;

const CHUNK = 64 * 1024;

/** Emptied before anything else can run. */
const SCRATCH = Buffer.allocUnsafeSlow(CHUNK);

const MOST_REPEATS = 100;

/** Bytes between two chances for others to run. */
const SLICE = 1024 * 1024;

/**
 * Reads a whole text file, which under /proc has no length of its own. Throws {@link ExporterError}: `not_supported`
 * when there is no such file, `permission_denied`, `output_too_large` past `limit` bytes, else `unreadable`.
 *
 * The calls are synchronous, since /proc is memory: through the thread pool a look at a dozen sysctls took ten times as
 * long on a busy machine. Only large tables give others a turn in between.
 */
export async function readText(path: string, limit: number = SMALL_LIMIT): Promise<string> {
  // O_NONBLOCK: a FIFO in a captured tree must not hang us; it means nothing to regular and proc files.
  const file = attempt(path, () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    for (let slice = 0; ; ) {
      const length = attempt(path, () => readSync(file, SCRATCH, 0, CHUNK, null));
      if (length === 0) return Buffer.concat(chunks, size).toString('utf8');
      size += length;
      slice += length;
      if (size > limit) throw new ExporterError('output_too_large', `${path} is longer than ${limit} bytes`);
      chunks.push(Buffer.from(SCRATCH.subarray(0, length)));
      if (slice < SLICE) continue;
      slice = 0;
      await nextTurn();
    }
  } finally {
    closeSync(file);
  }
}

/** True for the error of {@link readText} that says that the file is not there. */
export function isMissing(caught: unknown): boolean {
  return caught instanceof ExporterError && caught.code === 'not_supported';
}

/** Runs a file operation and turns what it throws into an {@link ExporterError} that names the path. */
export function attempt<T>(path: string, operation: () => T): T {
  for (let repeats = 0; ; repeats++) {
    try {
      return operation();
    } catch (caught) {
      const code = caught instanceof Error && 'code' in caught ? String(caught.code) : 'unknown';
      if (code !== 'EINTR' || repeats === MOST_REPEATS) throw fileError(path, code, caught);
    }
  }
}

function fileError(path: string, code: string, cause: unknown): ExporterError {
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new ExporterError('not_supported', `there is no ${path}`, { cause });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new ExporterError('permission_denied', `${path} may not be read by this user`, {
      cause,
      remedy: 'Run the exporter as a user who may read it, or with CAP_NET_ADMIN.',
    });
  }
  if (code === 'EINTR')
    return new ExporterError('interrupted', `reading ${path} is interrupted all the time`, { cause });
  return new ExporterError('unreadable', `${path} could not be read (${code})`, { cause });
}
