import type { BudgetSettings, ByteBudget } from '../../config/probes/settings.ts';
import { asExporterError, type ErrorCode, ExporterError } from '../../errors.ts';
import type { StateFile } from '../../linux/state-file.ts';
import { failed, type ProbeFailure } from '../probe.ts';
import { Calendar, type Day, dayOf } from './calendar.ts';
import { Usage } from './usage.ts';

/**
 * Written down ahead of what latency probes will spend on a path, in bytes: one write for thousands of them, and no more lost
 * by a crash.
 */
export const LEAD_BYTES = 128 * 1024;

/** Part of a budget that bulk probes leave. */
const KEPT = 0.1;

/** After a failure the state file is not tried again before. */
const RETRY_SECONDS = 5;

/** What reading the state file fails with when it is not what was written. */
const DAMAGE: ReadonlySet<ErrorCode> = new Set(['malformed', 'output_too_large']);

/** A {@link StateFile}, or a stand-in for it. */
type AccountFile = Pick<StateFile, 'path' | 'read' | 'write' | 'putAside' | 'close'>;

/** What a budget needs. */
export interface BudgetOptions {
  readonly settings: BudgetSettings;
  readonly open: () => Promise<AccountFile>;
  /** Hears when the account cannot be kept, or was damaged: once each time that the reason changes. Must not throw. */
  readonly onProblem: (error: ExporterError) => void;
  /** Unix time in milliseconds, and a monotonic one in seconds; exist for tests. */
  readonly now?: () => number;
  readonly monotonic?: () => number;
}

/** What is left of a path's budgets, in bytes; absent: there is no such bound. */
export interface Remaining {
  readonly day?: number;
  readonly month?: number;
}

/** Whether any path has a bound, so that an account must be kept. */
export function hasBudget({ dayBytes, monthBytes, paths }: BudgetSettings): boolean {
  return dayBytes !== undefined || monthBytes !== undefined || paths.size > 0;
}

/**
 * What probes may move on each path a day and a month. It is written to a state file before it is spent, so that neither a
 * restart nor a crash nor a second exporter makes it more. Bytes are those sent and received together.
 */
export class PathBudget {
  readonly #options: BudgetOptions;
  readonly #now: () => number;
  readonly #monotonic: () => number;
  #file: AccountFile | undefined;
  #usage = Usage.empty();
  #calendar = new Calendar();
  #problem: ExporterError | undefined;
  #opening: Promise<void> | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;
  /** What may be spent by what is on the disk. */
  readonly #ahead = new Map<string, number>();
  /** What is to be written ahead, where it is more than the lead. */
  readonly #wanted = new Map<string, number>();
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #closed = false;

  constructor(options: BudgetOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#monotonic = options.monotonic ?? (() => performance.now() / 1000);
  }

  /** Bytes that may still be moved on the path; infinite where it has no bound, 0 while the account cannot be kept. */
  remaining(path: string): number {
    if (this.#problem?.code === 'in_use') return 0;
    const { dayBytes, monthBytes } = this.#limits(path);
    if (dayBytes === undefined && monthBytes === undefined) return Number.POSITIVE_INFINITY;
    if (this.#file === undefined) return 0;
    const { day = Number.POSITIVE_INFINITY, month = Number.POSITIVE_INFINITY } = this.left(path);
    return Math.min(day, month);
  }

  /** What is left by period, for the metrics; empty while it is not known. */
  left(path: string): Remaining {
    if (this.#file === undefined) return {};
    const { dayBytes, monthBytes } = this.#limits(path);
    const today = this.#today;
    return {
      ...(dayBytes !== undefined && { day: Math.max(0, dayBytes - this.#usage.ofDay(path, today)) }),
      ...(monthBytes !== undefined && { month: Math.max(0, monthBytes - this.#usage.ofMonth(path, today)) }),
    };
  }

  /**
   * Bytes that bulk probes may still move: a tenth of each budget is left to latency probes, which tell whether an idle path is
   * alive, and to what a bulk probe moves without knowing, such as segments sent again.
   */
  remainingForBulk(path: string): number {
    const { dayBytes = 0, monthBytes = 0 } = this.#limits(path);
    const { day = Number.POSITIVE_INFINITY, month = Number.POSITIVE_INFINITY } = this.left(path);
    const most = Math.min(day - KEPT * dayBytes, month - KEPT * monthBytes);
    return Math.max(0, Math.min(this.remaining(path), Math.floor(most)));
  }

  /** Whether the path has a budget of its own. */
  isOwn(path: string): boolean {
    return this.#options.settings.paths.has(path);
  }

  /**
   * Writes down that so many bytes may be moved on the path, to be waited for before the first of them. Resolves to undefined,
   * or to why they may not.
   */
  async reserve(path: string, bytes: number): Promise<ProbeFailure | undefined> {
    await this.#open();
    if (this.#problem?.code === 'in_use') return unavailable(this.#problem);
    if (!this.#isBounded(path)) return undefined;
    if (this.#file === undefined) return unavailable(this.#problem);
    const remaining = this.remaining(path);
    if (remaining < bytes) {
      return failed('budget_exhausted', `the budget of path ${path} leaves ${remaining} bytes, too few for this`);
    }
    if ((this.#ahead.get(path) ?? 0) >= bytes) return undefined;
    this.#wanted.set(path, Math.max(LEAD_BYTES, bytes));
    await this.#save();
    return this.#problem === undefined ? undefined : unavailable(this.#problem);
  }

  /** Takes off what has been moved. */
  spend(path: string, bytes: number): void {
    if (!this.#isBounded(path)) return;
    this.#usage.add(path, this.#today, bytes);
    const ahead = (this.#ahead.get(path) ?? 0) - bytes;
    this.#ahead.set(path, ahead);
    if (ahead < LEAD_BYTES / 2 && !this.#wanted.has(path) && this.#problem === undefined) {
      this.#wanted.set(path, LEAD_BYTES);
      void this.#save();
    }
  }

  /** Writes down what a reservation has left over; never rejects. */
  async settle(path: string): Promise<void> {
    if (!this.#isBounded(path) || this.#file === undefined) return;
    this.#ahead.set(path, Math.min(this.#ahead.get(path) ?? 0, LEAD_BYTES));
    this.#wanted.set(path, LEAD_BYTES);
    await this.#save();
  }

  /** Opens the account, if it is not open; never rejects. */
  start(): Promise<void> {
    return this.#open();
  }

  /** Writes down what has been spent, nothing ahead, and lets go of the file. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#opening;
    await this.#running;
    this.#closed = true;
    await this.#write(true);
    this.#file?.close();
    this.#file = undefined;
  }

  get #today(): Day {
    return this.#calendar.today(this.#now(), this.#monotonic());
  }

  #limits(path: string): ByteBudget {
    return this.#options.settings.paths.get(path) ?? this.#options.settings;
  }

  #isBounded(path: string): boolean {
    const { dayBytes, monthBytes } = this.#limits(path);
    return dayBytes !== undefined || monthBytes !== undefined;
  }

  #open(): Promise<void> {
    if (this.#file !== undefined || this.#closed) return Promise.resolve();
    if (this.#opening === undefined && this.#monotonic() - this.#triedAt < RETRY_SECONDS) return Promise.resolve();
    this.#triedAt = this.#monotonic();
    this.#opening ??= this.#tryToOpen().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #tryToOpen(): Promise<void> {
    let file: AccountFile | undefined;
    try {
      file = await this.#options.open();
      this.#usage = await this.#load(file);
      this.#calendar = new Calendar(this.#usage.day);
      await file.write(this.#usage.format(this.#today, new Map()));
      this.#file = file;
      this.#problem = undefined;
    } catch (caught) {
      file?.close();
      this.#report(asExporterError(caught));
    }
  }

  async #load(file: AccountFile): Promise<Usage> {
    const today = dayOf(this.#now());
    try {
      const text = await file.read();
      return text === undefined ? Usage.empty() : Usage.parse(text, today);
    } catch (caught) {
      const error = asExporterError(caught);
      if (!DAMAGE.has(error.code)) throw error;
      this.#options.onProblem(damaged(error, await file.putAside()));
      return Usage.unknown(today);
    }
  }

  /** Writes soon, together with all who ask before it begins; never rejects. */
  #save(): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#write(false);
    });
    this.#running = this.#next;
    return this.#next;
  }

  async #write(last: boolean): Promise<void> {
    if (this.#file === undefined || (this.#closed && !last)) return;
    const ahead = new Map<string, number>();
    if (!last) {
      for (const path of new Set([...this.#ahead.keys(), ...this.#wanted.keys()])) {
        // What is on the disk stays allowed until its reservation is settled.
        const wanted = Math.max(this.#wanted.get(path) ?? 0, this.#ahead.get(path) ?? 0);
        ahead.set(path, Math.min(wanted, this.remaining(path)));
      }
    }
    this.#wanted.clear();
    const before = new Map(this.#ahead);
    try {
      await this.#file.write(this.#usage.format(this.#today, ahead));
      this.#problem = undefined;
    } catch (caught) {
      this.#report(asExporterError(caught));
      return;
    }
    for (const [path, bytes] of ahead) {
      const spentMeanwhile = (before.get(path) ?? 0) - (this.#ahead.get(path) ?? 0);
      this.#ahead.set(path, bytes - spentMeanwhile);
    }
  }

  #report(error: ExporterError): void {
    if (error.code !== this.#problem?.code) this.#options.onProblem(error);
    this.#problem = error;
  }
}

function unavailable(problem: ExporterError | undefined): ProbeFailure {
  return failed('budget_unavailable', problem?.line ?? 'the account of the budget is not open');
}

function damaged({ code, message, cause }: ExporterError, aside: string): ExporterError {
  const words =
    'nobody knows what was spent, so nothing more is today, nor this month where there is a budget by the month';
  return new ExporterError(code, `the account of the probes' budget was damaged (${message}) and is kept as ${aside}`, {
    remedy: `As ${words}; to begin from nothing, stop the exporter and remove the state file.`,
    cause,
  });
}
