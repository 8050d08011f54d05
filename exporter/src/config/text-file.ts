import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { getSystemErrorMap } from 'node:util';
import { ExporterError } from '../errors.ts';
import { oneLine } from './words.ts';

/** Largest file of the user's that is read, in bytes. */
const MAXIMUM_BYTES = 1024 * 1024;

/**
 * Reads one of the user's files as UTF-8 text of at most 1 MiB. Throws ExporterError `invalid_configuration` that names the
 * file: absent, forbidden, no regular file, too large, not UTF-8.
 */
export async function readTextFile(file: string): Promise<string> {
  const problem = (words: string, cause?: unknown) => {
    return new ExporterError('invalid_configuration', `${oneLine(file)}: ${words}`, { cause });
  };
  let bytes: Buffer;
  try {
    // O_NONBLOCK: opening a named pipe must not wait for its writer.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const about = await handle.stat();
      if (!about.isFile())
        throw problem(about.isDirectory() ? 'expected a file, is a directory' : 'expected a regular file');
      const buffer = Buffer.alloc(MAXIMUM_BYTES + 1);
      let length = 0;
      for (let read = 1; read > 0 && length < buffer.length; length += read) {
        ({ bytesRead: read } = await handle.read(buffer, length, buffer.length - length, length));
      }
      if (length > MAXIMUM_BYTES) throw problem(`expected at most ${MAXIMUM_BYTES} bytes, is larger`);
      bytes = buffer.subarray(0, length);
    } finally {
      await handle.close();
    }
  } catch (caught) {
    if (caught instanceof ExporterError) throw caught;
    throw problem(`cannot be read: ${systemWords(caught)}`, caught);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (caught) {
    throw problem('expected UTF-8 text, has bytes that are not', caught);
  }
}

/** What the system says of an error number, with its name: `no such file or directory (ENOENT)`. */
function systemWords(caught: unknown): string {
  const { code, errno } = caught as NodeJS.ErrnoException;
  const words = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1];
  return words === undefined ? String(caught) : `${words} (${code})`;
}
