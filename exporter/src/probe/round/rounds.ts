import { setTimeout as sleep } from 'node:timers/promises';
import { type BulkSettings, MPTCP_PATH } from '../../config/probes/settings.ts';
import type { BulkProbe, Measurement, ProbeResult, RoundRunner } from '../probe.ts';
import { Turns } from '../turns.ts';
import type { Moved } from './leg-meter.ts';
import { type LegContext, type LegOutcome, runLeg } from './leg-run.ts';
import { type PlannedLeg, planRound } from './plan.ts';

/** Waits in seconds before a leg is tried again at a server that serves another; then it counts as failed. */
const BUSY_WAITS_SECONDS: readonly number[] = [2, 5, 10, 20, 40];

/** One leg of a round, done. */
export interface LegRecord extends PlannedLeg {
  readonly result: ProbeResult<Measurement>;
  /** What each path moved. */
  readonly moved: ReadonlyMap<string, Moved>;
}

/** A round, done. */
export interface RoundRecord {
  readonly settings: BulkSettings;
  readonly legs: readonly LegRecord[];
  /** Paths that were backups, and those that are metered. */
  readonly backups: ReadonlySet<string>;
  readonly metered: ReadonlySet<string>;
}

/** What rounds need. */
export interface RoundsOptions extends LegContext {
  /** Paths that MPTCP uses only when the others fail. */
  readonly backups: () => ReadonlySet<string>;
  /** Told of each leg when it is done, and of the whole round. Must not throw. */
  readonly onLeg: (settings: BulkSettings, leg: LegRecord) => void;
  readonly onRound: (round: RoundRecord) => void;
  /** Exists for tests. */
  readonly wait?: (seconds: number, signal: AbortSignal) => Promise<void>;
}

/** Runs rounds one at a time over the whole exporter, so that no measurement disturbs another. */
export class Rounds implements RoundRunner {
  readonly #options: RoundsOptions;
  readonly #turns = new Turns();
  readonly #wait: (seconds: number, signal: AbortSignal) => Promise<void>;

  constructor(options: RoundsOptions) {
    this.#options = options;
    this.#wait = options.wait ?? (async (seconds, signal) => sleep(seconds * 1000, undefined, { signal }));
  }

  async round(settings: BulkSettings, probe: BulkProbe, signal: AbortSignal): Promise<void> {
    try {
      await this.#run(settings, probe, signal);
    } catch (caught) {
      if (!signal.aborted) throw caught;
    }
  }

  async #run(settings: BulkSettings, probe: BulkProbe, signal: AbortSignal): Promise<void> {
    const { places, backups: backupsNow, budget, onLeg, onRound } = this.#options;
    let endTurn = await this.#turns.take(signal);
    try {
      const known = places();
      if (known === undefined) return; // the kernel cannot be read, which is told elsewhere
      const backups = backupsNow();
      const hasOwnBudget = (path: string) => budget?.isOwn(path) ?? false;
      const plan = planRound(settings, probe, { places: known, backups, hasOwnBudget });
      const legs: LegRecord[] = [];
      for (const [index, planned] of plan.entries()) {
        const rest = plan.slice(index);
        const attempt = () => runLeg(this.#options, settings, probe, planned, rest, signal);
        let outcome: LegOutcome = await attempt();
        for (const seconds of BUSY_WAITS_SECONDS) {
          if (outcome.result.ok || outcome.result.reason !== 'busy') break;
          // Others, who may have another server, go on meanwhile.
          endTurn();
          await this.#wait(seconds * (0.5 + Math.random()), signal);
          endTurn = await this.#turns.take(signal);
          outcome = await attempt();
        }
        signal.throwIfAborted();
        const record = { ...planned, ...outcome };
        legs.push(record);
        onLeg(settings, record);
      }
      const metered = new Set(known.filter((place) => place.metered).map(({ path }) => path));
      onRound({ settings, legs, backups, metered });
    } finally {
      endTurn();
    }
  }
}

/** The leg over MPTCP that belongs to these. */
export function isTogether({ path }: Pick<PlannedLeg, 'path'>): boolean {
  return path === MPTCP_PATH;
}
