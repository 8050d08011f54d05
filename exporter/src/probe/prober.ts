import {
  type BulkSettings,
  isBulk,
  type LatencySettings,
  type ProbeSettings,
  type ProbeType,
} from '../config/probes/settings.ts';
import { Evidence } from './evidence.ts';
import { type RunContext, runLatency } from './latency-run.ts';
import { Limiter } from './limiter.ts';
import {
  type BulkProbe,
  failed,
  type Latency,
  type LatencyProbe,
  type PathPlace,
  type Probe,
  type ProbeResult,
  type RoundRunner,
} from './probe.ts';
import type { ProbeResults } from './results.ts';
import { Schedule } from './schedule.ts';

/** Runs at once on one path: those beyond wait, and a path that answers nothing holds up only itself. */
const AT_ONCE_ON_A_PATH = 4;

/** Told of every result; for the log. Must not throw. */
export type OnResult = (settings: ProbeSettings, path: string, result: ProbeResult<unknown>) => void;

/** What the prober needs. */
export interface ProberOptions extends RunContext {
  readonly probes: readonly ProbeSettings[];
  readonly list: ReadonlyMap<ProbeType, Probe>;
  /** Where the paths are now; `undefined` while that is not known. */
  readonly places: () => readonly PathPlace[] | undefined;
  readonly results: ProbeResults;
  /** Runs bulk probes; without it they are not run. */
  readonly rounds?: RoundRunner;
  readonly onResult?: OnResult;
  /** Told of what should not have been thrown. Must not throw. */
  readonly onBug?: (caught: unknown) => void;
  /** Exists for tests. */
  readonly random?: () => number;
}

/**
 * Runs the configured probes by their timetables, outside of any scrape. Every run takes the path as it is at that moment, so
 * interfaces may go, come back and change their addresses; a run that fails ends nothing but itself.
 */
export class Prober {
  readonly #options: ProberOptions;
  readonly #schedules: Schedule[] = [];
  readonly #stop = new AbortController();
  readonly #limiter = new Limiter(AT_ONCE_ON_A_PATH);
  readonly #evidence = new Evidence();
  /** Entry and path of what is under way or waits for its turn. */
  readonly #busy = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** Paths on which probes fail while their targets answer on others. */
  get evidence(): Evidence['failing'] {
    return this.#evidence.failing;
  }

  /** Runs under way, for a test that none are left behind. */
  get held(): number {
    return this.#underWay.size;
  }

  /** Begins; nothing after {@link Prober.stop}. */
  start(): void {
    if (this.#stop.signal.aborted) return;
    for (const [entry, settings] of this.#options.probes.entries()) {
      const probe = this.#options.list.get(settings.type);
      const run = this.#runOf(entry, settings, probe);
      if (run === undefined) continue;
      const schedule = new Schedule(settings.timetable, run, this.#options.random);
      this.#schedules.push(schedule);
      schedule.start(entry);
    }
  }

  /** Ends everything, and waits until nothing is left behind. */
  async stop(): Promise<void> {
    for (const schedule of this.#schedules) schedule.stop();
    this.#stop.abort();
    await Promise.all(this.#underWay);
  }

  #runOf(entry: number, settings: ProbeSettings, probe: Probe | undefined): (() => void) | undefined {
    if (isBulk(settings)) return probe?.kind === 'bulk' ? () => this.#round(entry, settings, probe) : undefined;
    return probe?.kind === 'latency' ? () => this.#askAll(entry, settings, probe) : undefined;
  }

  #round(entry: number, settings: BulkSettings, probe: BulkProbe): void {
    const { rounds } = this.#options;
    // The runner takes one after the other; of the same probe, one that waits is enough.
    if (rounds !== undefined) this.#once(`${entry}`, () => rounds.round(settings, probe, this.#stop.signal));
  }

  /** All paths at the same moment, so that they can be compared. */
  #askAll(entry: number, settings: LatencySettings, probe: LatencyProbe): void {
    const places = this.#options.places();
    if (places === undefined) return;
    this.#evidence.keep(new Set(places.map(({ path }) => path)));
    for (const path of settings.paths ?? places.map((place) => place.path)) {
      const isFree = this.#once(`${entry} ${path}`, () =>
        this.#limiter.run(path, () => this.#ask(entry, settings, probe, path)),
      );
      if (!isFree) this.#record(entry, settings, path, failed('overloaded', 'the run before is still under way'), 0);
    }
  }

  async #ask(entry: number, settings: LatencySettings, probe: LatencyProbe, path: string): Promise<void> {
    if (this.#stop.signal.aborted) return;
    // Only now, since it may have waited for its turn.
    const place = this.#options.places()?.find((one) => one.path === path) ?? { path, addresses: [], metered: false };
    const begun = performance.now() / 1000;
    const { result, gone } = await runLatency(this.#options, probe, settings, place, this.#stop.signal);
    if (!this.#stop.signal.aborted) this.#record(entry, settings, path, result, begun);
    await gone;
  }

  #record(entry: number, settings: LatencySettings, path: string, result: ProbeResult<Latency>, begun: number): void {
    const { results, onResult } = this.#options;
    results.latency(settings, path, result);
    this.#evidence.learn(entry, path, result, begun);
    onResult?.(settings, path, result);
  }

  /** Begins the work unless the same is under way. */
  #once(id: string, work: () => Promise<void>): boolean {
    if (this.#busy.has(id)) return false;
    this.#busy.add(id);
    const running = work()
      .catch((caught: unknown) => this.#options.onBug?.(caught))
      .finally(() => {
        this.#busy.delete(id);
        this.#underWay.delete(running);
      });
    this.#underWay.add(running);
    return true;
  }
}
