import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ExporterError } from '../../errors.ts';

/** Most that is read of one table: /proc/net/tcp has 150 bytes a row, so this is some 400,000 sockets. */
export const TABLE_LIMIT = 64 * 1024 * 1024;

/** Most that is read of one file that holds a few lines. */
export const SMALL_LIMIT = 1024 * 1024;

const CHUNK = 64 * 1024;
const MOST_REPEATS = 100;

/**
 * Reads a whole text file, which under /proc has no length of its own. Throws {@link ExporterError}: `not_supported`
 * when there is no such file, `permission_denied`, `output_too_large` past `limit` bytes, else `unreadable`.
 */
export async function readText(path: string, limit: number = SMALL_LIMIT): Promise<string> {
  // O_NONBLOCK: a FIFO in a captured tree must not hang us; it means nothing to regular and proc files.
  const file = await attempt(path, () => open(path, constants.O_RDONLY | constants.O_NONBLOCK));
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    for (;;) {
      const chunk = await attempt(path, () => readChunk(file));
      if (chunk.length === 0) return Buffer.concat(chunks, size).toString('utf8');
      size += chunk.length;
      if (size > limit) throw new ExporterError('output_too_large', `${path} is longer than ${limit} bytes`);
      chunks.push(chunk);
    }
  } finally {
    await file.close();
  }
}

/** True for the error of {@link readText} that says that the file is not there. */
export function isMissing(caught: unknown): boolean {
  return caught instanceof ExporterError && caught.code === 'not_supported';
}

/** Runs a file operation and turns what it throws into an {@link ExporterError} that names the path. */
export async function attempt<T>(path: string, operation: () => Promise<T>): Promise<T> {
  for (let repeats = 0; ; repeats++) {
    try {
      return await operation();
    } catch (caught) {
      const code = caught instanceof Error && 'code' in caught ? String(caught.code) : 'unknown';
      // libuv repeats an interrupted open itself, but not a read.
      if (code !== 'EINTR' || repeats === MOST_REPEATS) throw fileError(path, code, caught);
    }
  }
}

async function readChunk(file: FileHandle): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(CHUNK);
  const { bytesRead } = await file.read(buffer, 0, CHUNK, null);
  return buffer.subarray(0, bytesRead);
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
