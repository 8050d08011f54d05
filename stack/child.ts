import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import type { Component } from './components.ts';
import type { LogFile } from './log-file.ts';
import { StackError } from './stack-error.ts';

/** Time to write out what is in memory, after which it is killed. */
const STOP_MS = 20_000;
const ASK_EVERY_MS = 150;
const ANSWER_MS = 2000;
const LAST_LINES = 5;

/** A running program of the stack. */
export class Child {
  readonly component: Component;
  readonly log: LogFile;
  /** Settles when it has ended, with how in words; never rejects. */
  readonly ended: Promise<string>;
  readonly #process;
  #how: string | undefined;

  constructor(component: Component, log: LogFile) {
    const [program, ...args] = component.command;
    this.component = component;
    this.log = log;
    // Ended with this process at the latest, however it ends, save by SIGKILL.
    this.#process = execa(program, args, {
      stdin: 'ignore',
      all: true,
      buffer: false,
      reject: false,
      cleanup: true,
      forceKillAfterDelay: STOP_MS,
      env: { ...component.environment },
    });
    this.#process.all.setEncoding('utf8').on('data', (text: string) => log.append(text));
    this.ended = this.#process.then(({ exitCode, signal, shortMessage }) => {
      const how = exitCode === undefined ? (signal ?? shortMessage ?? 'no trace') : `exit status ${exitCode}`;
      this.#how = how;
      return how;
    });
  }

  /** Waits until it works; throws StackError with the end of its log when it ends first or takes too long, and rejects when `stop` comes. */
  async healthy(stop: AbortSignal): Promise<void> {
    const { name, url, healthPath, startSeconds } = this.component;
    const deadline = performance.now() + 1000 * startSeconds;
    while (!(await answers(`${url}${healthPath}`))) {
      stop.throwIfAborted();
      if (this.#how !== undefined) throw new StackError(1, this.obituary(this.#how, 'before it was ready'));
      if (performance.now() > deadline)
        throw new StackError(1, `${name} is not ready after ${startSeconds} s:${this.#lastWords()}`);
      await Promise.race([sleep(ASK_EVERY_MS, undefined, { signal: stop }), this.ended]);
    }
  }

  /** That it ended, how, and its last words. */
  obituary(how: string, when: string): string {
    return `${this.component.name} ended ${when} (${how}):${this.#lastWords()}`;
  }

  /** Ends it, and waits for that. */
  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    await this.ended;
  }

  #lastWords(): string {
    const lines = this.log.last(LAST_LINES).map((line) => `\n  ${line}`);
    return `${lines.join('')}\n  (${this.log.file})`;
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    // It does not listen yet, or is too busy with its start to answer.
    return false;
  }
}
