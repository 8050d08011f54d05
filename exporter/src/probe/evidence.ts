import type { ProbeEvidence } from '../mptcp/health/states.ts';
import type { FailureReason, Latency, ProbeResult } from './probe.ts';

/** Failures in a row on one path that count. */
const IN_A_ROW = 3;

/** Failures that speak of the way to the target. A refusal is an answer; that a tool is missing says nothing of a path. */
const SPEAKING: ReadonlySet<FailureReason> = new Set(['timeout', 'unreachable', 'broken']);

/** Failures after which a path's past counts no more: it is not there, so that whatever comes back is another one. */
const ABSENT: ReadonlySet<FailureReason> = new Set(['no_interface', 'no_address']);

/** Answers by which a path is alive, though the probe failed. */
const ANSWERS: ReadonlySet<FailureReason> = new Set(['refused', 'wrong_answer', 'unauthorised', 'busy']);

/** One probe on one path. */
interface Record {
  failures: number;
  /** Monotonic seconds at which runs began. */
  firstFailedAt: number;
  lastFailedAt: number;
  answeredAt: number;
}

/**
 * Judges paths by latency probes: failing is one on which a probe fails three times in a row while the same target answers
 * on another path, and no other probe gets an answer on it.
 */
export class Evidence {
  /** By entry of the configuration, then by path; the paths of an entry are bounded. */
  readonly #entries: (Map<string, Record> | undefined)[] = [];

  /** Takes a run in: of the probe at this index of the configuration, begun at this time of the monotonic clock. */
  learn(entry: number, path: string, result: ProbeResult<Latency>, begunSeconds: number): void {
    const records = this.#entries[entry] ?? new Map<string, Record>();
    this.#entries[entry] = records;
    const never = Number.NEGATIVE_INFINITY;
    const record = records.get(path) ?? { failures: 0, firstFailedAt: never, lastFailedAt: never, answeredAt: never };
    records.set(path, record);
    if (result.ok || ANSWERS.has(result.reason)) {
      record.failures = 0;
      record.answeredAt = begunSeconds;
    } else if (SPEAKING.has(result.reason)) {
      if (record.failures === 0) record.firstFailedAt = begunSeconds;
      record.failures++;
      record.lastFailedAt = begunSeconds;
    } else if (ABSENT.has(result.reason)) record.failures = 0;
  }

  /** Forgets paths that are probed no more. */
  keep(paths: ReadonlySet<string>): void {
    for (const records of this.#entries) {
      for (const path of records?.keys() ?? []) if (!paths.has(path)) records?.delete(path);
    }
  }

  /** Paths that fail now. */
  get failing(): ReadonlyMap<string, ProbeEvidence> {
    const failing = new Map<string, ProbeEvidence>();
    for (const records of this.#entries) {
      if (records === undefined) continue;
      for (const [path, record] of records) {
        if (record.failures < IN_A_ROW || failing.has(path)) continue;
        const elsewhere = [...records].some(
          ([other, { answeredAt }]) => other !== path && answeredAt >= record.firstFailedAt,
        );
        if (elsewhere && !this.#answered(path, record.firstFailedAt)) {
          failing.set(path, { failingSinceSeconds: record.firstFailedAt, lastFailedSeconds: record.lastFailedAt });
        }
      }
    }
    return failing;
  }

  #answered(path: string, since: number): boolean {
    return this.#entries.some((records) => (records?.get(path)?.answeredAt ?? Number.NEGATIVE_INFINITY) >= since);
  }
}
