import { execa } from 'execa';

/** How a program is run to its end: bounded in time (default 10 s) and in output (default 16 MiB). */
export interface RunOptions {
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  /** What the program reads on its standard input; nothing when absent. */
  readonly input?: string;
  /** Variables on top of this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program without a shell and gives its standard output; throws with the last words of its standard error when it fails. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await execa(program, args, {
    reject: false,
    timeout: options.timeoutMs ?? 10_000,
    maxBuffer: options.maxBytes ?? 16 * 1024 * 1024,
    killSignal: 'SIGKILL',
    input: options.input ?? '',
    env: { LC_ALL: 'C', ...options.env },
    stripFinalNewline: false,
  });
  if (!result.failed) return result.stdout;
  const how = result.timedOut
    ? `took longer than ${options.timeoutMs ?? 10_000} ms`
    : `failed (${result.shortMessage})`;
  throw new Error(`${[program, ...args].join(' ')} ${how}: ${(result.stderr || result.stdout).trim().slice(-1000)}`);
}
