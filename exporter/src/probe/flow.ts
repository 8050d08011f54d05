import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Progress } from '../reflector/protocol/routes.ts';
import type { Arrived } from './goodput.ts';
import { failed, type ProbeFailure } from './probe.ts';

/** Data that has not moved for so long has stalled. */
const STALL_MS = 4000;

/** How often is looked whether it has. */
const LOOK_MS = 200;

/** Least time between two looks at what has arrived, in seconds. */
const SAMPLE_SECONDS = 0.01;

/** After the time is over, for what is still under way. */
const LATE_SECONDS = 2;

/** A line of a report is far shorter. */
const MOST_LINE_CHARACTERS = 1000;

/** Random, so that nothing on the way makes it smaller. */
const BLOCK = randomBytes(64 * 1024);

const stalled = (): ProbeFailure => failed('stalled', `nothing moved for ${STALL_MS / 1000} s`);

/** What moved last, to tell a stall. */
class Watchdog {
  readonly stalled: Promise<ProbeFailure>;
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;
  #at = performance.now();

  constructor() {
    let tell: (failure: ProbeFailure) => void;
    this.stalled = new Promise((resolve) => {
      tell = resolve;
    });
    this.#timer = setInterval(() => {
      if (performance.now() - this.#at > STALL_MS) tell(stalled());
    }, LOOK_MS);
  }

  saw(bytes: number): void {
    if (bytes > this.#bytes) [this.#bytes, this.#at] = [bytes, performance.now()];
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/**
 * Takes in a download for so many seconds from its first byte, or until its end. Gives what had arrived when, or that it
 * stalled; rejects with what broke it.
 */
export async function receive(
  response: IncomingMessage,
  seconds: number,
  signal: AbortSignal,
): Promise<readonly Arrived[] | ProbeFailure> {
  const arrived: Arrived[] = [];
  const watchdog = new Watchdog();
  const ended = once(response, 'end', { signal });
  let bytes = 0;
  let firstAt: number | undefined;
  const over = new Promise<void>((resolve) => {
    response.on('data', (chunk: Buffer) => {
      const now = performance.now() / 1000;
      firstAt ??= now;
      bytes += chunk.length;
      watchdog.saw(bytes);
      const since = now - firstAt;
      if (since > seconds)
        resolve(); // what comes later is read and not counted
      else if (since - (arrived.at(-1)?.seconds ?? Number.NEGATIVE_INFINITY) >= SAMPLE_SECONDS) {
        arrived.push({ seconds: since, bytes });
      }
    });
  });
  try {
    const failure = await Promise.race([ended, over, watchdog.stalled]);
    if (failure !== undefined && 'ok' in failure) return failure;
    // The last sample may have left a few packets out.
    if (response.readableEnded && firstAt !== undefined)
      arrived.push({ seconds: performance.now() / 1000 - firstAt, bytes });
    return arrived;
  } finally {
    watchdog.stop();
    ended.catch(() => undefined);
  }
}

/**
 * Sends an upload until the reflector has had data for so many seconds, or has got so many bytes. Gives what had arrived there
 * when, as it tells, or that it stalled; rejects with what broke it.
 */
export async function send(
  request: ClientRequest,
  response: IncomingMessage,
  limit: { readonly seconds: number; readonly bytes: number },
  signal: AbortSignal,
): Promise<readonly Arrived[] | ProbeFailure> {
  const arrived: Arrived[] = [];
  const watchdog = new Watchdog();
  const enough = new AbortController();
  const timeIsUp = once(enough.signal, 'abort');
  const late = setTimeout(() => enough.abort(), (limit.seconds + LATE_SECONDS) * 1000);
  const pumping = pump(request, limit.bytes, AbortSignal.any([signal, enough.signal]));
  const broken = pumping.then(() => new Promise<never>(() => undefined)); // only its failure counts
  const told = readProgress(response, signal, (progress) => {
    watchdog.saw(progress.bytes);
    if (progress.bytes > 0) arrived.push(progress);
    if (progress.seconds >= limit.seconds) enough.abort();
  });
  try {
    const failure = await Promise.race([told, timeIsUp, watchdog.stalled, broken]);
    if (failure !== undefined && 'ok' in failure) return failure;
    return arrived.length === 0 && enough.signal.aborted ? stalled() : arrived;
  } finally {
    enough.abort();
    clearTimeout(late);
    watchdog.stop();
    for (const left of [pumping, told]) left.catch(() => undefined);
  }
}

/** Writes so many bytes, no more of them in memory than a block; ends the request then, or when the signal is aborted. */
async function pump(request: ClientRequest, bytes: number, signal: AbortSignal): Promise<void> {
  try {
    for (let left = bytes; left > 0 && !signal.aborted; left -= BLOCK.length) {
      const block = left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
      if (!request.write(block)) await once(request, 'drain', { signal });
    }
  } catch (caught) {
    if (!signal.aborted) throw caught;
  }
  request.end();
}

/** Hears a reflector's report on an upload to its end; resolves to a failure when it is none. */
async function readProgress(
  response: IncomingMessage,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<ProbeFailure | undefined> {
  let failure: ProbeFailure | undefined;
  let rest = '';
  response.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MOST_LINE_CHARACTERS) lines.push(rest);
    for (const line of lines) {
      const progress = progressOf(line);
      if (progress !== undefined) onProgress(progress);
      else {
        failure = failed('wrong_answer', 'the reflector reports on the upload in words that are none of a reflector');
        response.destroy();
        return;
      }
    }
  });
  await once(response, 'close', { signal });
  return failure;
}

function progressOf(line: string): Progress | undefined {
  try {
    const { bytes, seconds } = JSON.parse(line) as Partial<Progress>;
    return typeof bytes === 'number' && typeof seconds === 'number' ? { bytes, seconds } : undefined;
  } catch {
    return undefined;
  }
}
