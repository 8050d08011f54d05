import { closeSync, constants, openSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type ErrorCode, ExporterError } from '../errors.ts';
import { errnoError, errnoOf } from './errno.ts';
import type { Libc } from './libc.ts';

/** Largest state that is read, in bytes; ours is a few kilobytes. */
const MAXIMUM_BYTES = 4 * 1024 * 1024;

/** For its owner alone, as is the directory. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/**
 * A small file that keeps what must survive this process, however that ends. Only one process at a time has it: the lock is
 * on a file beside it, which is never removed, and dies with its holder.
 */
export class StateFile {
  readonly path: string;
  readonly #lock: number;

  private constructor(path: string, lock: number) {
    this.path = path;
    this.#lock = lock;
  }

  /**
   * Takes hold of the file, which need not exist; its directory is made. Throws {@link ExporterError}: `in_use` when another
   * process has it, `unwritable` when its place cannot be written.
   */
  static async open(libc: Libc, path: string): Promise<StateFile> {
    let lock: number | undefined;
    try {
      await mkdir(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
      lock = openSync(`${path}.lock`, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, FILE_MODE);
      if (libc.lock(lock)) return new StateFile(path, lock);
    } catch (caught) {
      if (lock !== undefined) closeSync(lock);
      throw fileError('unwritable', `write ${path}`, caught);
    }
    closeSync(lock);
    throw new ExporterError('in_use', `${path} is in use by another exporter`, {
      remedy: 'Stop that one, or give each a state file of its own.',
    });
  }

  /** Its text; undefined when it does not exist. Throws `unreadable`, and `output_too_large` beyond 4 MiB. */
  async read(): Promise<string | undefined> {
    try {
      const handle = await open(this.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const { size } = await handle.stat();
        if (size > MAXIMUM_BYTES) {
          throw new ExporterError('output_too_large', `${this.path} has more than ${MAXIMUM_BYTES} bytes`);
        }
        return await handle.readFile('utf8');
      } finally {
        await handle.close();
      }
    } catch (caught) {
      if ((caught as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw fileError('unreadable', `read ${this.path}`, caught);
    }
  }

  /** Replaces its text; a crash at any moment leaves the old one or the new one. Throws `unwritable`. */
  async write(text: string): Promise<void> {
    const draft = `${this.path}.tmp`;
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
    try {
      const handle = await open(draft, flags, FILE_MODE);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(draft, this.path);
      await this.#syncDirectory();
    } catch (caught) {
      throw fileError('unwritable', `write ${this.path}`, caught);
    }
  }

  /** Puts the file aside as `PATH.damaged`, in place of an earlier one. Throws `unwritable`. */
  async putAside(): Promise<string> {
    const aside = `${this.path}.damaged`;
    try {
      await rename(this.path, aside);
      await this.#syncDirectory();
      return aside;
    } catch (caught) {
      throw fileError('unwritable', `rename ${this.path}`, caught);
    }
  }

  /** Lets go of it. */
  close(): void {
    closeSync(this.#lock);
  }

  async #syncDirectory(): Promise<void> {
    const handle = await open(dirname(this.path), constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

function fileError(code: ErrorCode, doing: string, caught: unknown): ExporterError {
  if (caught instanceof ExporterError) return caught;
  const errno = errnoOf(caught);
  const message = errno === undefined ? `cannot ${doing}: ${caught}` : errnoError(errno, { doing }).message;
  return new ExporterError(code, message, { cause: caught });
}
