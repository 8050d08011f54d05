import type { PathState, Reason } from '../../exporter/src/mptcp/health/states.ts';
import { type ExporterOptions, type RunningExporter, startExporter } from './exporter.ts';

/** A path entered a state. */
export interface EnteredState {
  /** In seconds of this process's monotonic clock (`performance.now() / 1000`), as faults have it. */
  readonly at: number;
  readonly path: string;
  /** Undefined at the first judgement. */
  readonly from: PathState | undefined;
  readonly to: PathState;
  readonly reasons: readonly Reason[];
}

/** Every state of every path of a running exporter, as it logs them: asking it would make it look, and judge sooner. */
export class StateWatch {
  readonly #entered: EnteredState[] = [];
  readonly #waiting = new Set<() => void>();

  /** Takes one line of the exporter's JSON log. */
  take(line: string): void {
    const at = performance.now() / 1000;
    if (line.includes('more path changes than are logged')) throw new Error('the log left changes out');
    if (!line.startsWith('{') || !line.includes('"to":')) return;
    const { path, from, to, reasons } = JSON.parse(line) as Record<'path' | 'to', string> &
      Partial<Record<'from' | 'reasons', string>>;
    this.#entered.push({
      at,
      path,
      from: from as PathState | undefined,
      to: to as PathState,
      reasons: (reasons?.split(',') ?? []) as Reason[],
    });
    for (const wake of [...this.#waiting]) wake();
  }

  /** What every path entered, in order. */
  get all(): readonly EnteredState[] {
    return this.#entered;
  }

  /** What the path entered at or after a moment, in its order; all of it without one. */
  history(path: string, since = Number.NEGATIVE_INFINITY): readonly EnteredState[] {
    return this.#entered.filter((entered) => entered.path === path && entered.at >= since);
  }

  /** The path's state now; undefined before the first judgement. */
  state(path: string): PathState | undefined {
    return this.history(path).at(-1)?.to;
  }

  /** The states that the path has had since a moment, the one it was in then included. */
  states(path: string, since: number): readonly PathState[] {
    const before = this.history(path).filter(({ at }) => at < since);
    return [...before.slice(-1), ...this.history(path, since)].map(({ to }) => to);
  }

  /** Waits until the path enters the state after a moment; throws with what it did instead after `timeoutSeconds`. */
  async entered(path: string, state: PathState, since: number, timeoutSeconds: number): Promise<EnteredState> {
    const found = () => this.history(path, since).find(({ to }) => to === state);
    const wait = 1000 * (since + timeoutSeconds) - performance.now();
    const entered = found() ?? (await this.#until(found, wait));
    if (entered !== undefined) return entered;
    const did = this.history(path).map(({ at, to, reasons }) => `${to} (${reasons}) at ${(at - since).toFixed(2)} s`);
    throw new Error(`${path} was not ${state} within ${timeoutSeconds} s, but: ${did.join(', ')}`);
  }

  /** Waits until the path is in the state, whenever it entered it. */
  async is(path: string, state: PathState, timeoutSeconds = 10): Promise<void> {
    if (this.state(path) !== state) await this.entered(path, state, performance.now() / 1000, timeoutSeconds);
  }

  #until<T>(found: () => T | undefined, milliseconds: number): Promise<T | undefined> {
    return new Promise((resolve) => {
      const end = (value: T | undefined) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(value);
      };
      const look = () => {
        const value = found();
        if (value !== undefined) end(value);
      };
      const timer = setTimeout(() => end(undefined), Math.max(0, milliseconds));
      this.#waiting.add(look);
    });
  }
}

/** Starts an exporter and records its paths' states. */
export async function watchStates(
  options: ExporterOptions = {},
): Promise<{ readonly exporter: RunningExporter; readonly watch: StateWatch }> {
  const watch = new StateWatch();
  const args = ['--log.level=debug', '--log.format=json', ...(options.args ?? [])];
  const exporter = await startExporter({ ...options, args, onLine: (line) => watch.take(line) });
  return { exporter, watch };
}
