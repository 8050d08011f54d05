import { execa } from 'execa';
import { ExporterError } from '../../errors.ts';
import { installRemedy } from './packages.ts';
import { Places } from './places.ts';

/** Bounds of one run. */
export interface RunOptions {
  /** From the call to the last byte, waiting for a place among the running children included. */
  readonly timeoutMs: number;
  /** Most that the program may write to its standard output. */
  readonly maxBytes: number;
  /** Exit codes that bring an answer too; 0 always does. */
  readonly acceptedExitCodes?: readonly number[];
  /** Ends the child early, and a wait for a place. */
  readonly signal?: AbortSignal;
  /** Whether what it wrote to its standard error becomes part of the message of `tool_failed`, in one line and shortened. */
  readonly quoteErrors?: boolean;
  /** What it reads on its standard input, piece by piece as it takes it; nothing when absent. */
  readonly input?: Iterable<Uint8Array>;
  /** Sends SIGINT then, for a program that reports on what it has done so far; it still has until the timeout. */
  readonly interruptAfterMs?: number;
}

/** Runs a program and resolves to what it wrote; {@link run}, or a stand-in that replays captured text. */
export type Run = (program: string, args: readonly string[], options: RunOptions) => Promise<string>;

/** Most children at once of those that share {@link run}; one reading needs five. */
const MOST_CHILDREN = 8;

/** Most that is quoted of a program's standard error. */
const QUOTED_CHARACTERS = 300;

/** From SIGTERM to SIGKILL. */
const GRACE_MS = 250;

/** From SIGTERM until we go on without a child that the kernel will not end, or whose output a grandchild holds open. */
const ABANDON_MS = 500;

/** Directories of administration programs, which an ordinary user's PATH lacks. */
const SYSTEM_DIRECTORIES = '/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Runs a program without a shell, in the C locale, with nothing on its standard input unless given, and its standard error discarded (`ss`
 * complains there once per socket), and resolves to its standard output. Throws {@link ExporterError}: `tool_missing`, `timeout`,
 * `interrupted` (by the signal) or `output_too_large` (it was killed), `permission_denied` or `tool_failed`. No child outlives
 * this process.
 */
export const run: Run = runner(MOST_CHILDREN);

/** {@link run} with places of its own, so that its children and those of others do not wait for each other. */
export function runner(mostChildren: number): Run {
  const places = new Places(mostChildren);
  return (program, args, options) => runIn(places, program, args, options);
}

async function runIn(places: Places, program: string, args: readonly string[], options: RunOptions): Promise<string> {
  const deadline = performance.now() + options.timeoutMs;
  await places.take({
    timeoutMs: options.timeoutMs,
    signal: options.signal,
    timedOut: () => timedOut(program, options.timeoutMs),
    interrupted: () => interrupted(program),
  });
  const timeout = Math.max(1, deadline - performance.now());
  const child = execa(program, args, {
    cwd: '/', // a working directory that has been removed would look like a missing program
    env: { PATH: `${process.env.PATH ?? ''}:${SYSTEM_DIRECTORIES}`.replace(/^:/, ''), LC_ALL: 'C' },
    extendEnv: false,
    stdin: options.input ?? 'ignore',
    stderr: options.quoteErrors === true ? 'pipe' : 'ignore',
    buffer: false, // execa's own bound stops reading but lets the program run on
    timeout,
    forceKillAfterDelay: GRACE_MS,
    ...(options.signal !== undefined && { cancelSignal: options.signal }),
    reject: false,
  });
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= options.maxBytes) {
      chunks.push(chunk);
      return;
    }
    child.kill('SIGKILL');
    child.stdout.destroy();
  });

  let quoted = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    if (quoted.length < QUOTED_CHARACTERS) quoted += chunk.toString('utf8');
  });

  const { interruptAfterMs } = options;
  const interrupt = interruptAfterMs && setTimeout(() => child.kill('SIGINT'), interruptAfterMs);

  let timer: NodeJS.Timeout | undefined;
  let giveUp: (() => void) | undefined;
  const abandoned = new Promise<never>((_, reject) => {
    const abandon = (error: ExporterError): void => {
      child.stdout.destroy();
      child.stderr?.destroy();
      reject(error);
    };
    timer = setTimeout(() => abandon(timedOut(program, options.timeoutMs)), timeout + ABANDON_MS);
    giveUp = () => {
      clearTimeout(timer);
      timer = setTimeout(() => abandon(interrupted(program)), ABANDON_MS);
    };
    options.signal?.addEventListener('abort', giveUp);
  });
  // The place is kept until the child has really ended, so that stuck ones cannot pile up.
  const result = await Promise.race([child.finally(() => places.give()), abandoned]).finally(() => {
    clearTimeout(timer);
    clearTimeout(interrupt);
    if (giveUp !== undefined) options.signal?.removeEventListener('abort', giveUp);
  });

  if (size > options.maxBytes) {
    throw new ExporterError('output_too_large', `${program} wrote more than ${options.maxBytes} bytes`);
  }
  if (result.isCanceled) throw interrupted(program);
  if (result.timedOut) throw timedOut(program, options.timeoutMs);
  if (result.failed && !options.acceptedExitCodes?.includes(result.exitCode ?? -1)) {
    throw failure(program, args, result, quoted);
  }
  return Buffer.concat(chunks, size).toString('utf8');
}

interface Ending {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
  readonly cause?: unknown;
}

function failure(program: string, args: readonly string[], ending: Ending, quoted: string): ExporterError {
  const { exitCode, signal, code, cause } = ending;
  if (code === 'ENOENT') {
    return new ExporterError('tool_missing', `${program} is not installed or not in the PATH`, {
      remedy: installRemedy(program),
      cause,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new ExporterError('permission_denied', `${program} may not be run by this user`, {
      remedy: `Make ${program} executable for the user that the exporter runs as.`,
      cause,
    });
  }
  const command = [program, ...args].join(' ');
  if (exitCode === undefined && signal === undefined) {
    return new ExporterError('tool_failed', `${command} could not be started (${code ?? 'unknown'})`, { cause });
  }
  const end = exitCode === undefined ? `was ended by ${signal}` : `ended with exit code ${exitCode}`;
  const said = quoted.trim().replace(/\s+/g, ' ').slice(0, QUOTED_CHARACTERS);
  return new ExporterError('tool_failed', `${command} ${end}${said === '' ? '' : `: ${said}`}`, {
    remedy: 'Run it by hand, as the user that the exporter runs as, to see what it says.',
  });
}

function timedOut(program: string, timeoutMs: number): ExporterError {
  return new ExporterError('timeout', `${program} did not finish within ${timeoutMs} ms`);
}

function interrupted(program: string): ExporterError {
  return new ExporterError('interrupted', `${program} was ended, its result is not wanted any more`);
}
