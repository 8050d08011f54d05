import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** How a program ended; `stdout` and `stderr` are its last 1 MiB each. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const KEPT_CHARACTERS = 1024 * 1024;

/** A program that goes on running beside the test; its lab kills it at the latest when the lab closes. */
export class LabProcess {
  readonly pid: number | undefined;
  /** Settles when the program has ended and all its output was read; never rejects. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #listeners = new Set<(line: string) => void>();
  #stdout = '';
  #stderr = '';
  #exit: Exit | undefined;

  constructor(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(program, args, { stdio: 'pipe', env: { ...process.env, LC_ALL: 'C', ...env } });
    this.pid = this.#child.pid;
    // A program that ends early breaks the pipe to its standard input; `exited` tells that already.
    this.#child.stdin.on('error', () => undefined);
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_CHARACTERS);
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#stdout = `${this.#stdout}${line}\n`.slice(-KEPT_CHARACTERS);
      for (const listener of [...this.#listeners]) listener(line);
    });
    this.exited = new Promise((resolve) => {
      const settle = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#exit ??= { code, signal, stdout: this.#stdout, stderr: this.#stderr };
        resolve(this.#exit);
      };
      this.#child.on('error', (error) => {
        this.#stderr += error.message;
        settle(null, null);
      });
      this.#child.on('close', settle);
    });
  }

  /** How it ended, undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** What it has printed so far on standard error (last 1 MiB). */
  get stderr(): string {
    return this.#stderr;
  }

  /** Calls `listener` with every further line of standard output; gives the function that stops it. */
  onLine(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The first line of standard output, printed already or to come, that matches; throws when it ends or `timeoutMs` pass before. */
  async waitForLine(matches: RegExp, timeoutMs = 30_000): Promise<string> {
    const printed = this.#stdout.split('\n').find((line) => matches.test(line));
    if (printed !== undefined) return printed;
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        stopListening();
        settle();
      };
      const fail = (why: string) =>
        finish(() => reject(new Error(`${why} before a line like ${matches}: ${this.#stderr.slice(-1000)}`)));
      const timer = setTimeout(() => fail(`${timeoutMs} ms passed`), timeoutMs);
      const stopListening = this.onLine((line) => {
        if (matches.test(line)) finish(() => resolve(line));
      });
      void this.exited.then(({ code, signal }) => fail(`the program ended (${signal ?? code})`));
    });
  }

  /** Writes to its standard input, which stays open. */
  write(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Closes its standard input. */
  endInput(): void {
    this.#child.stdin.end();
  }

  /** Sends `signal`, then SIGKILL after `graceMs`, and waits for its end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 2000): Promise<Exit> {
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }
}
