import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../exporter/dist/main.js', import.meta.url));

/** How the program ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running exporter. */
export interface RunningExporter extends AsyncDisposable {
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  readonly pid: number;
  /** Settles when it ends, by itself or by {@link RunningExporter.stop}. */
  readonly ended: Promise<Ended>;
  /** What it has logged so far. */
  log(): string;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
}

/** What to start it with. */
export interface ExporterOptions {
  readonly args?: readonly string[];
  /** Runs before the program: `['ip', 'netns', 'exec', NAME]`, `['setpriv', …]`. */
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Called with every line of the log as it comes. */
  readonly onLine?: (line: string) => void;
}

function launch({ args = [], prefix = [], env, onLine }: ExporterOptions): {
  child: ChildProcess;
  ended: Promise<Ended>;
  read: () => Ended;
} {
  const [program = '', ...rest] = [...prefix, process.execPath, MAIN, ...args];
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  if (onLine !== undefined && child.stderr !== null) createInterface({ input: child.stderr }).on('line', onLine);
  const read = () => ({ status: child.exitCode, signal: child.signalCode, stdout, stderr });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(read()));
  });
  return { child, ended, read };
}

/** Runs the program to its end, at most 20 s. */
export async function runExporter(options: ExporterOptions): Promise<Ended> {
  const { child, ended } = launch(options);
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  try {
    return await ended;
  } finally {
    clearTimeout(timer);
  }
}

/** Starts the program on `listen`, by default a free port of loopback, and waits until it is ready; throws with its log when it is not. */
export async function startExporter(
  options: ExporterOptions & { readonly listen?: string } = {},
): Promise<RunningExporter> {
  const { child, ended, read } = launch({
    ...options,
    args: [`--web.listen-address=${options.listen ?? '127.0.0.1:0'}`, ...(options.args ?? [])],
  });
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not listening after 20 s:\n${read().stderr}`)), 20_000);
    child.stderr?.on('data', () => {
      const found = /(?:msg=listening url=|"url":")(http[^\s"]+)\/[\s"]/.exec(read().stderr)?.[1];
      if (found !== undefined) {
        clearTimeout(timer);
        resolve(found);
      }
    });
    void ended.then(({ stderr }) => {
      clearTimeout(timer);
      reject(new Error(`ended at once:\n${stderr}`));
    }, reject);
  }).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    try {
      return await ended;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    url,
    pid: child.pid ?? 0,
    ended,
    log: () => read().stderr,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop('SIGKILL');
    },
  };
}
