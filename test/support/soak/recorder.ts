import { readFileSync } from 'node:fs';
import { addition, endpointsOf, removal, renumbered } from '../../lab/faults/endpoints.ts';
import { applyFault, type FaultName } from '../../lab/faults/faults.ts';
import type { Lab } from '../../lab/lab.ts';
import type { FaultEntry, LabRecord, Lateness, TrafficEntry } from './record.ts';

const BEAT_MS = 50;
/** Less than this is no lateness: a timer is never exact. */
const LATE_MS = 20;

/** What the record says of a fault besides its times and itself. */
export type Circumstances = Pick<FaultEntry, 'load' | 'moving' | 'checkedLately'>;

/** A fault that is in effect. */
export interface RecordedFault {
  /** Another fault begins beside it. */
  notAlone(): void;
  /** Puts everything back as it was. */
  end(): Promise<void>;
}

/** Keeps the lab's record while faults come and go, and how late everything ran meanwhile because others had the processors. */
export class Recorder {
  readonly #lab: Lab;
  readonly #tell: (text: string) => void;
  readonly #traffic: TrafficEntry[] = [];
  readonly #faults: FaultEntry[] = [];
  readonly #late: Lateness[] = [];
  readonly #beat: NodeJS.Timeout;

  /** `pid`: the exporter; `tell`: called with a line a fault. */
  constructor(lab: Lab, pid: number, tell: (text: string) => void) {
    this.#lab = lab;
    this.#tell = tell;
    let due = performance.now() + BEAT_MS;
    let waited = waitedMs(pid);
    this.#beat = setInterval(() => {
      const now = performance.now();
      const waitedNow = waitedMs(pid);
      const late = Math.max(now - due, waitedNow - waited);
      if (late >= LATE_MS) this.#late.push({ at: now / 1000, seconds: late / 1000 });
      due = now + BEAT_MS;
      waited = waitedNow;
    }, BEAT_MS);
  }

  /** The record so far; faults and traffic that have not ended are not in it. */
  get record(): LabRecord {
    return {
      links: this.#lab.links.map(({ plan }) => plan.name),
      traffic: this.#traffic,
      faults: this.#faults,
      late: this.#late,
    };
  }

  /** How often each fault came. */
  get counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { name } of this.#faults) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  }

  /** How late everything ran in all. */
  get lateSeconds(): number {
    return this.#late.reduce((sum, { seconds }) => sum + seconds, 0);
  }

  /** Notes that connections are open on all links until the function given is called. */
  trafficOpened(): () => void {
    const openedAt = performance.now() / 1000;
    return () => {
      this.#traffic.push({ openedAt, endingAt: performance.now() / 1000 });
    };
  }

  /** Applies a fault; throws when it cannot be, and then nothing is recorded. */
  async apply(name: FaultName, link: string, circumstances: Circumstances): Promise<RecordedFault> {
    const startedAt = performance.now() / 1000;
    const fault = await applyFault(this.#lab, name, link);
    this.#tell(`${name} ${fault.link ?? ''} begins, ${circumstances.load}`);
    let alone = true;
    return {
      notAlone: () => {
        alone = false;
      },
      end: async () => {
        const endingAt = performance.now() / 1000;
        await fault.end();
        if (!fault.lasts) await this.#mend(link);
        const entry: FaultEntry = {
          ...circumstances,
          name,
          link: fault.link,
          startedAt,
          appliedAt: fault.appliedAt,
          endingAt,
          endedAt: performance.now() / 1000,
          alone,
        };
        this.#faults.push(entry);
        const undone = (entry.endedAt - entry.endingAt).toFixed(2);
        const held = (entry.endingAt - entry.appliedAt).toFixed(1);
        const { load, moving } = circumstances;
        this.#tell(
          `${name} ${fault.link ?? ''} for ${held} s, undone in ${undone} s, ${load}${moving ? '' : ', not moving'}${alone ? '' : ', not alone'}`,
        );
      },
    };
  }

  /** Ends the measurement of lateness. */
  stop(): void {
    clearInterval(this.#beat);
  }

  /** What was reset does not come back by itself; done as docs/health.md advises. */
  async #mend(link: string): Promise<void> {
    const endpoints = await endpointsOf(this.#lab, link);
    await this.#lab.client.batch('ip', [...removal(endpoints), ...addition(link, renumbered(endpoints))]);
  }
}

/** How long the thread that judges was ready and had no processor (schedstat); nothing any more once it has ended. */
function waitedMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return Number.NEGATIVE_INFINITY;
  }
}
