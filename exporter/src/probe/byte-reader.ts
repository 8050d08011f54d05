import type { Socket } from 'node:net';
import { ExporterError } from '../errors.ts';

/** Most that is kept of what came but was not asked for yet. */
const MOST_BYTES = 256 * 1024;

/** Takes lines and counted bytes from a socket as they come. Throws `kernel_refused` when it ends early, `interrupted`. */
export class ByteReader {
  readonly #signal: AbortSignal;
  #buffer: Buffer = Buffer.alloc(0);
  #end: ExporterError | undefined;
  #wake: (() => void) | undefined;

  /** Listens to the socket until that is destroyed; the signal destroys it. */
  constructor(socket: Socket, signal: AbortSignal) {
    this.#signal = signal;
    const end = (error: ExporterError): void => {
      this.#end ??= error;
      this.#wake?.();
    };
    const cancel = (): void => {
      end(new ExporterError('interrupted', 'the answer is not waited for any more'));
      socket.destroy();
    };
    socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      if (this.#buffer.length > MOST_BYTES) {
        end(new ExporterError('malformed', 'much more came than was asked for'));
        socket.destroy();
      }
      this.#wake?.();
    });
    socket.on('error', (cause: Error) =>
      end(new ExporterError('kernel_refused', `the connection broke: ${cause.message}`, { cause })),
    );
    socket.on('close', () => {
      signal.removeEventListener('abort', cancel);
      end(new ExporterError('kernel_refused', 'the connection was closed before the answer was whole'));
    });
    socket.on('end', () =>
      end(new ExporterError('kernel_refused', 'the connection was closed before the answer was whole')),
    );
    signal.addEventListener('abort', cancel);
    if (signal.aborted) cancel();
  }

  /** The next line, without its end; throws `malformed` when it is longer than `most`. */
  async line(most: number): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf('\n');
      if (end >= 0 && end <= most)
        return this.#take(end + 1)
          .toString('latin1')
          .trimEnd();
      if (this.#buffer.length > most)
        throw new ExporterError('malformed', `a line of the answer has more than ${most} bytes`);
      await this.#more();
    }
  }

  /** So many bytes. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#buffer.length < count) await this.#more();
    return this.#take(count);
  }

  #take(count: number): Buffer {
    const taken = this.#buffer.subarray(0, count);
    this.#buffer = this.#buffer.subarray(count);
    return taken;
  }

  async #more(): Promise<void> {
    if (this.#end !== undefined) throw this.#end;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
    if (this.#signal.aborted && this.#end !== undefined) throw this.#end;
  }
}
