import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, vi } from 'vitest';
import type { PathState, Reason } from '../../../exporter/src/mptcp/health/states.ts';
import type { AppliedFault } from '../../lab/faults/fault.ts';
import { applyFault, type FaultName } from '../../lab/faults/faults.ts';
import { createLab, type Lab } from '../../lab/lab.ts';
import type { LinkSpec } from '../../lab/links.ts';
import { labDirectory } from '../../lab/registry.ts';
import { serverPaths } from '../both-ends.ts';
import type { RunningExporter } from '../exporter.ts';
import { type Scrape, scrapeIn } from '../exposition.ts';
import { type StateWatch, watchStates } from '../states.ts';
import { Measurements, RUNS, repeatedly } from './measurements.ts';
import { FAULTY, HEALTHY, seconds } from './paths.ts';
import { saidOf } from './said.ts';

const LINKS: readonly LinkSpec[] = [
  { name: HEALTHY, rateMbit: 5, delayMs: 5 },
  { name: FAULTY, rateMbit: 4, delayMs: 10 },
];

/** There is one check a path in 5 s: what wants one sooner waits. */
const CHECK_INTERVAL_SECONDS = 5;

/** What one end must tell of a fault on the faulty path. */
export interface Told {
  readonly state: PathState;
  readonly reasons: readonly Reason[];
  readonly withinSeconds: number;
  /** From the fault's end to the path being up again. */
  readonly backWithinSeconds: number;
  /** What the path may be besides, before it is told and on the way back; default nothing but up. */
  readonly alsoBe?: readonly PathState[];
}

/** A fault under traffic over both paths, and what must be told of it. */
export interface Truth {
  readonly fault: FaultName;
  /** `up`: the client uploads. */
  readonly traffic: 'up' | 'down';
  /** Absent: nothing is told at this end, and the path stays up there. */
  readonly client?: Told;
  /** Absent: what the server's exporter says of the faulty path is not asked. */
  readonly server?: Told;
  /** How long all is well before, once both paths move data; default so long that a check may be made at once. */
  readonly wellSeconds?: number;
  /** How long the fault goes on after it was told; default 3 s. */
  readonly lastsSeconds?: number;
}

/** What else a case looks at. */
export interface TruthHooks {
  /** After the fault was told. */
  readonly during?: (fault: AppliedFault) => Promise<void>;
  /** After the path came back, with the traffic still on. */
  readonly after?: (endedAt: number) => Promise<void>;
}

/** One end of a lab: its exporter, and every state that this has told. */
export interface Observer {
  readonly exporter: RunningExporter;
  readonly watch: StateWatch;
}

interface End extends Observer {
  readonly name: string;
  readonly told: Told;
}

/** Two hosts with two links, an exporter at each end, to be broken and asked. */
export class TruthEnds {
  readonly measurements = new Measurements();
  readonly lab: Lab;
  readonly client: Observer;
  readonly server: Observer;

  private constructor(lab: Lab, client: Observer, server: Observer) {
    this.lab = lab;
    this.client = client;
    this.server = server;
  }

  /** `links`: the healthy one and the faulty one, in this order. Makes the lab and starts the exporters; leaves nothing behind when it cannot. */
  static async open(links: readonly LinkSpec[] = LINKS): Promise<TruthEnds> {
    const lab = await createLab({ links });
    try {
      const file = join(labDirectory(lab.id), 'server.yml');
      writeFileSync(file, serverPaths(lab));
      const [client, server] = await Promise.all([
        watchStates({ prefix: lab.client.prefix }),
        watchStates({ prefix: lab.server.prefix, args: [`--config.file=${file}`] }),
      ]);
      return new TruthEnds(lab, client, server);
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** Ends all of it, and prints the figures where there are several runs. */
  async close(): Promise<void> {
    if (RUNS > 1 && this.measurements.taken) console.log(this.measurements.table());
    await Promise.all([this.client.exporter.stop(), this.server.exporter.stop()]);
    await this.lab.close();
  }

  /** A fresh look of the client's exporter, as scraped. */
  scrape(): Promise<Scrape> {
    return scrapeIn(this.lab.client, this.client.exporter.url);
  }

  /** The checks that the client's exporter has made of a path so far, by result or of all. */
  async checks(path: string, result?: 'alive' | 'dead' | 'failed'): Promise<number> {
    return (await this.scrape())
      .samples('mptcp_path_checks_total')
      .filter(({ labels }) => labels.path === path && (result === undefined || labels.result === result))
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** Waits until both paths are up and move data, and so long more, by default until a check may be made at once. */
  async bothMove(wellSeconds = CHECK_INTERVAL_SECONDS): Promise<void> {
    for (const path of [HEALTHY, FAULTY]) {
      await Promise.all([this.client, this.server].map(({ watch }) => watch.is(path, 'up', 15)));
      const labels = { path, state: 'active' };
      const active = async () => (await this.scrape()).value('mptcp_path_subflows', labels) > 0;
      await vi.waitUntil(active, { timeout: 15_000, interval: 300 });
    }
    await sleep(wellSeconds * 1000);
  }

  /** Runs the case as often as is wanted; throws when something else is told, or too late, or the healthy path is not up. */
  prove(truth: Truth, hooks: TruthHooks = {}): Promise<void> {
    return repeatedly(() => this.#proveOnce(truth, hooks));
  }

  async #proveOnce(truth: Truth, hooks: TruthHooks): Promise<void> {
    const { fault: name, traffic, wellSeconds, lastsSeconds = 3 } = truth;
    const ends = this.#ends(truth);
    const moving = await this.lab.startTraffic({ bytes: 'unlimited', direction: traffic });
    try {
      await this.bothMove(wellSeconds);
      const begunAt = seconds();
      const fault = await applyFault(this.lab, name, FAULTY);
      const toldAt = await endedOnError(fault, async () => {
        const at = await Promise.all(ends.map((end) => this.#tellsFault(end, begunAt, fault.appliedAt)));
        await hooks.during?.(fault);
        await sleep(lastsSeconds * 1000);
        return at;
      });
      const endedAt = seconds();
      await fault.end();
      const backAt = await Promise.all(
        ends.map(({ watch, told }) => watch.entered(FAULTY, 'up', endedAt, told.backWithinSeconds)),
      );
      await hooks.after?.(endedAt);
      ends.forEach(({ name: end, watch, told }, index) => {
        this.measurements.add({
          fault: name,
          end,
          told: [told.state, ...told.reasons].map((word) => `\`${word}\``).join(', '),
          toldAfterSeconds: Math.max(0, (toldAt[index] ?? Number.NaN) - fault.appliedAt),
          backAfterSeconds: (backAt[index]?.at ?? Number.NaN) - endedAt,
        });
        const been = watch.states(FAULTY, begunAt);
        if (told.alsoBe === undefined) expect(been, end).toEqual(['up', told.state, 'up']);
        else expect(['up', told.state, ...told.alsoBe], end).toEqual(expect.arrayContaining([...been]));
      });
      for (const { watch } of [this.client, this.server])
        expect(watch.states(HEALTHY, begunAt), 'the healthy path').toEqual(['up']);
      if (truth.client === undefined) expect(this.client.watch.states(FAULTY, begunAt)).toEqual(['up']);
    } finally {
      await moving.abort();
    }
  }

  #ends({ traffic, client, server }: Truth): End[] {
    const ends: End[] = [];
    const doing = traffic === 'up' ? 'uploading' : 'downloading';
    if (client !== undefined) ends.push({ ...this.client, name: `client, ${doing}`, told: client });
    if (server !== undefined) ends.push({ ...this.server, name: 'server, sending', told: server });
    return ends;
  }

  /** When the end has told the state and the reasons. */
  async #tellsFault({ exporter, watch, name, told }: End, begunAt: number, appliedAt: number): Promise<number> {
    const { state, reasons, withinSeconds } = told;
    // The news may be here before the command that made the fault has ended.
    const entered = await watch.entered(FAULTY, state, begunAt, appliedAt - begunAt + withinSeconds);
    if (reasons.every((reason) => entered.reasons.includes(reason))) {
      expect(entered.reasons, name).toEqual(reasons);
      return entered.at;
    }
    expect(state, `${name}: ${entered.reasons}`).toBe('degraded');
    // A path can be degraded for one reason and then for another, too, which no change of state tells.
    const host = exporter === this.client.exporter ? this.lab.client : this.lab.server;
    const standing = async () => saidOf(await scrapeIn(host, exporter.url), FAULTY).reasons;
    const timeout = 1000 * (appliedAt + withinSeconds - seconds());
    const complete = async () => {
      const all = await standing();
      return reasons.every((reason) => all.includes(reason));
    };
    await vi.waitUntil(complete, { timeout, interval: 500 });
    return seconds();
  }
}

async function endedOnError<T>(fault: AppliedFault, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await fault.end();
    throw error;
  }
}
