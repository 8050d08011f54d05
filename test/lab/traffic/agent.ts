import type { Host } from '../host.ts';
import { compiledProgram } from '../node-program.ts';
import type { LabProcess } from '../process.ts';
import { type Command, type ConnectionCount, type Event, encode, type Progress, type Settings } from './protocol.ts';

const PROGRAM = new URL('program.ts', import.meta.url);

type EventOf<Name extends Event['event']> = Extract<Event, { readonly event: Name }>;

/** A running traffic program, seen from the test. */
export class Agent {
  readonly #process: LabProcess;
  readonly #role: string;
  readonly #timeoutMs: number;
  readonly #seen: Event[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #connections: ConnectionCount[] = [];
  readonly #errors: string[] = [];

  /** `timeoutMs` bounds the wait for any one event. */
  constructor(host: Host, protocol: 'mptcp' | 'tcp', timeoutMs: number) {
    const command = compiledProgram(PROGRAM);
    const [program = '', ...args] = protocol === 'mptcp' ? ['mptcpize', 'run', ...command] : command;
    this.#process = host.spawn(program, args);
    this.#role = host.role;
    this.#timeoutMs = timeoutMs;
    this.#process.onLine((line) => this.#take(JSON.parse(line) as Event));
    void this.#process.exited.then(() => this.#wake());
  }

  /** What each closed connection counted. */
  get connections(): readonly ConnectionCount[] {
    return this.#connections;
  }

  /** How connections failed, at most the first ten. */
  get errors(): readonly string[] {
    return this.#errors;
  }

  tell(message: Settings | Command): void {
    this.#process.write(encode(message));
  }

  /** The next event of this name, each given once; throws when the program ends or nothing comes in time. */
  async next<Name extends Event['event']>(name: Name): Promise<EventOf<Name>> {
    const deadline = Date.now() + this.#timeoutMs;
    for (;;) {
      const position = this.#seen.findIndex((event) => event.event === name);
      const [found] = position < 0 ? [] : this.#seen.splice(position, 1);
      if (found !== undefined) return found as EventOf<Name>;
      if (this.#process.exit !== undefined) throw this.#failure(`ended before "${name}"`);
      if (Date.now() >= deadline) throw this.#failure(`no "${name}" within ${this.#timeoutMs} ms`);
      await this.#somethingNew(deadline - Date.now());
    }
  }

  async progress(): Promise<Progress> {
    this.tell({ command: 'progress' });
    const { sent, received, open } = await this.next('progress');
    return { sent, received, open };
  }

  async kill(): Promise<void> {
    await this.#process.stop('SIGKILL');
  }

  #failure(what: string): Error {
    const said = [...this.#errors, this.#process.stderr.trim().slice(-1000)].filter((text) => text !== '');
    return new Error(`traffic at the ${this.#role}: ${what}${said.length === 0 ? '' : `: ${said.join('; ')}`}`);
  }

  #take(event: Event): void {
    if (event.event === 'closed') {
      const { event: _, error, ...count } = event;
      this.#connections.push(count);
      if (error !== undefined && this.#errors.length < 10)
        this.#errors.push(`${count.local} to ${count.remote}: ${error}`);
    } else {
      this.#seen.push(event);
      this.#wake();
    }
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #somethingNew(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, withinMs);
      this.#waiting.add(wake);
    });
  }
}
