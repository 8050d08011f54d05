import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Libc } from '../linux/libc.ts';
import { ECHO_UPGRADE, ROUTES } from '../reflector/protocol/routes.ts';
import { CountedStream } from './counted-stream.ts';
import { patience } from './patience.ts';
import type { LegRun } from './probe.ts';
import { askReflector } from './reflector-client.ts';

/** Least time between two questions, in milliseconds. */
const EVERY_MS = 100;
const QUESTION_BYTES = 32;
const OPEN_SECONDS = 3;

/** Asks a reflector small questions over the path of a leg, on a connection of their own, while the leg's data flows. */
export class LoadedRtt {
  readonly #stream: CountedStream;
  readonly #stop = new AbortController();
  readonly #rtts: number[] = [];

  private constructor(stream: CountedStream) {
    this.#stream = stream;
  }

  /** Opens the connection before there is load; undefined when the reflector does not answer that, which costs only these RTTs. */
  static async open(libc: Libc, run: LegRun, token: string): Promise<LoadedRtt | undefined> {
    let stream: CountedStream | undefined;
    try {
      stream = await CountedStream.open(libc, run, OPEN_SECONDS);
      const headers = { Connection: 'Upgrade', Upgrade: ECHO_UPGRADE };
      const request = askReflector(stream.socket, { method: 'GET', target: ROUTES.echo, token, headers });
      request.end();
      const signal = patience(run.signal, OPEN_SECONDS);
      await Promise.race([
        once(request, 'upgrade', { signal }),
        once(request, 'response', { signal }).then(() => Promise.reject(new Error('no echo'))),
      ]);
      return new LoadedRtt(stream);
    } catch {
      stream?.abort();
      return undefined;
    }
  }

  /** Begins to ask; until {@link end}. */
  start(): void {
    void this.#ask().catch(() => undefined); // the connection broke: no more RTTs
  }

  /** Ends it and gives the RTTs in seconds; within a second. */
  async end(): Promise<readonly number[]> {
    this.#stop.abort();
    this.#stream.socket.end();
    await this.#stream.closed(1);
    return this.#rtts;
  }

  async #ask(): Promise<void> {
    const { socket } = this.#stream;
    const { signal } = this.#stop;
    let answer = Buffer.alloc(0);
    let onAnswer: ((whole: Buffer | undefined) => void) | undefined;
    const stop = (): void => onAnswer?.(undefined);
    signal.addEventListener('abort', stop);
    socket.once('close', stop);
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]).subarray(0, QUESTION_BYTES);
      if (answer.length === QUESTION_BYTES) onAnswer?.(answer);
    });
    while (!signal.aborted && !socket.destroyed) {
      const asked = performance.now();
      const question = randomBytes(QUESTION_BYTES);
      const whole = new Promise<Buffer | undefined>((resolve) => {
        onAnswer = resolve;
      });
      answer = Buffer.alloc(0);
      socket.write(question);
      const got = await whole;
      const took = performance.now() - asked;
      if (got?.equals(question) !== true) return;
      this.#rtts.push(took / 1000);
      await sleep(Math.max(0, EVERY_MS - took), undefined, { signal });
    }
  }
}
