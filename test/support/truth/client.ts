import { setTimeout as sleep } from 'node:timers/promises';
import { expect, vi } from 'vitest';
import type { PathState, Reason } from '../../../exporter/src/mptcp/health/states.ts';
import type { AppliedFault } from '../../lab/faults/fault.ts';
import { createLab, type Lab } from '../../lab/lab.ts';
import type { LinkSpec } from '../../lab/links.ts';
import type { Traffic, TrafficOptions } from '../../lab/traffic/traffic.ts';
import type { ExporterOptions, RunningExporter } from '../exporter.ts';
import { type Scrape, scrapeIn } from '../exposition.ts';
import { type StateWatch, watchStates } from '../states.ts';
import { Measurements, RUNS } from './measurements.ts';
import { FAULTY, HEALTHY, seconds } from './paths.ts';
import { saidOf } from './said.ts';

/** What must be told of the faulty path, how soon, and how soon it must be up again. */
export interface Told {
  readonly state: PathState;
  readonly reason: Reason;
  readonly withinSeconds: number;
  readonly backWithinSeconds: number;
  /** What else may be wrong with the path on its way back. */
  readonly alsoBe?: PathState;
}

/** One fault and its end. Moments are in seconds of this process's monotonic clock. */
export interface TruthCase {
  /** For the table. */
  readonly fault: string;
  readonly told: Told;
  /** What there must be before. */
  readonly before: () => Promise<unknown>;
  /** Makes the fault; gives the moment from which it can be known. */
  readonly apply: () => Promise<number>;
  /** Ends it; gives the moment from which the path can be up again. */
  readonly end: () => Promise<number>;
  /** Once it was told. */
  readonly during?: (look: Scrape) => Promise<void>;
  /** Its connections give way to new ones: in between the healthy path may be unused. */
  readonly pauses?: boolean;
}

/** Ends a fault; gives the moment before. */
export async function ending(fault: AppliedFault | undefined): Promise<number> {
  const at = seconds();
  await fault?.end();
  return at;
}

/** A client and a server with two links, and an exporter at the client that tells every state. */
export class TruthClient implements AsyncDisposable {
  readonly lab: Lab;
  readonly exporter: RunningExporter;
  readonly watch: StateWatch;
  readonly measurements = new Measurements();
  readonly #traffic = new Set<Traffic>();

  private constructor(lab: Lab, exporter: RunningExporter, watch: StateWatch) {
    this.lab = lab;
    this.exporter = exporter;
    this.watch = watch;
  }

  /** Makes the lab and starts the exporter, with options that may depend on the lab; leaves nothing behind when it cannot. */
  static async open(
    faultyLink: Partial<LinkSpec> = {},
    exporterOptions: (lab: Lab) => ExporterOptions = () => ({}),
  ): Promise<TruthClient> {
    const links = [
      { name: HEALTHY, rateMbit: 12 },
      { name: FAULTY, rateMbit: 10, ...faultyLink },
    ];
    const lab = await createLab({ links });
    try {
      const { exporter, watch } = await watchStates(within(lab, exporterOptions(lab)));
      return new TruthClient(lab, exporter, watch);
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** Ends all of it, and prints the figures where there are several runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (RUNS > 1) console.log(this.measurements.table());
    await this.exporter.stop();
    await this.lab.close();
  }

  /** A fresh look of the client's exporter, as scraped. */
  scrape(): Promise<Scrape> {
    return scrapeIn(this.lab.client, this.exporter.url);
  }

  /** The live page, as a browser gets it. */
  page(): Promise<string> {
    return this.lab.client.exec('curl', ['-sSf', `${this.exporter.url}/`]);
  }

  /** Traffic that fills what it can reach, until {@link stopTraffic}. */
  async startTraffic(options: Partial<TrafficOptions> = {}): Promise<Traffic> {
    const traffic = await this.lab.startTraffic({ bytes: 'unlimited', ...options });
    this.#traffic.add(traffic);
    return traffic;
  }

  /** Ends all traffic. What has ended already, as when its server was killed, is no matter. */
  async stopTraffic(): Promise<void> {
    const all = [...this.#traffic];
    this.#traffic.clear();
    await Promise.allSettled(all.map((traffic) => traffic.abort()));
  }

  /** Begins a new connection; gives the moment from which it is open. */
  async reconnect(options: Partial<TrafficOptions> = {}): Promise<number> {
    await this.stopTraffic();
    await vi.waitUntil(async () => (await this.scrape()).value('mptcp_mib_mp_curr_estab') === 0, PATIENT);
    await this.startTraffic(options);
    return seconds();
  }

  /** Waits until the paths, or both, are up and move data. */
  async allMove(paths: readonly string[] = [HEALTHY, FAULTY]): Promise<void> {
    for (const path of paths) {
      await this.watch.is(path, 'up', 15);
      const active = async () => (await this.scrape()).value('mptcp_path_subflows', { path, state: 'active' }) > 0;
      await vi.waitUntil(active, PATIENT);
    }
  }

  /** A fault under traffic over both paths that only connections begun after it meet; it is over for those begun after its end. */
  forNewConnections(fault: string, told: Told, apply: () => Promise<AppliedFault>): TruthCase {
    let applied: AppliedFault | undefined;
    return {
      fault,
      told,
      pauses: true,
      before: async () => {
        await this.startTraffic();
        await this.allMove();
        // The looks out of turn that a new connection takes up are bounded: the next may have to wait.
        await sleep(1000);
      },
      apply: async () => {
        applied = await apply();
        return this.reconnect();
      },
      end: async () => {
        await applied?.end();
        return this.reconnect();
      },
    };
  }

  /** Runs a case as often as is wanted; throws when anything else is told, or too late, or the healthy path leaves `up`. */
  async prove(name: string, once: () => TruthCase): Promise<void> {
    for (let run = 0; run < RUNS; run++) {
      try {
        await this.#proveOnce(name, once());
      } finally {
        await this.stopTraffic();
      }
      await this.pace();
    }
  }

  /** Waits between many runs: the log, which tells the states, has at most 30 a minute. */
  async pace(): Promise<void> {
    if (RUNS > 1) await sleep(4000);
  }

  async #proveOnce(
    end: string,
    { fault, told, before, apply, end: endFault, during, pauses }: TruthCase,
  ): Promise<void> {
    const { watch } = this;
    await before();
    const { state, reason, withinSeconds, backWithinSeconds } = told;
    const begunAt = seconds();
    let endingAt: number;
    let endedAt: number;
    let toldAt: number;
    let knowableAt: number;
    try {
      knowableAt = await apply();
      // The news may be here before the command that made the fault has ended.
      const entered = await watch.entered(FAULTY, state, begunAt, knowableAt - begunAt + withinSeconds);
      toldAt = entered.at;
      expect(entered.reasons, fault).toEqual([reason]);
      const look = await this.scrape();
      const up = state === 'degraded' ? 1 : 0;
      expect(saidOf(look, FAULTY), fault).toEqual({ states: [state], reasons: [reason], up });
      await during?.(look);
    } finally {
      endingAt = seconds();
      endedAt = await endFault();
    }
    const back = await watch.entered(FAULTY, 'up', endingAt, endedAt - endingAt + backWithinSeconds);
    const troubles = watch.states(FAULTY, begunAt).filter((one) => isTrouble(one) && one !== told.alsoBe);
    expect(troubles, fault).toEqual([state]);
    const healthy = watch.states(HEALTHY, begunAt).filter((one) => !(pauses === true && one === 'unused'));
    expect(new Set(healthy), 'the healthy path').toEqual(new Set(['up']));
    this.measurements.add({
      fault,
      end,
      told: `\`${state}\`, \`${reason}\``,
      toldAfterSeconds: Math.max(0, toldAt - knowableAt),
      backAfterSeconds: Math.max(0, back.at - endedAt),
    });
  }
}

const PATIENT = { timeout: 15_000, interval: 300 };

/** Whether something is wrong with a path in that state. */
export const isTrouble = (state: PathState): boolean => state !== 'up' && state !== 'unused';

/** Options of an exporter that runs at the lab's client. */
export const within = (lab: Lab, options: ExporterOptions = {}): ExporterOptions => ({
  ...options,
  prefix: [...lab.client.prefix, ...(options.prefix ?? [])],
});
