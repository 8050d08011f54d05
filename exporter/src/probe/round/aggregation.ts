import type { BulkSettings, Direction } from '../../config/probes/settings.ts';
import { aggregationBenefit, aggregationGain, pathUtilisation } from '../../mptcp/benefit.ts';
import { Adviser, type Recommendation, type Round, type RoundDirection } from '../../mptcp/recommendation.ts';
import { isTogether, type LegRecord, type RoundRecord } from './rounds.ts';

/** Most values kept; the one not renewed for longest gives way. */
const MOST_VALUES = 4096;

/** A path with less of the bytes of an MPTCP run had no part in it. */
const USED_SHARE = 0.01;

/** Of one path, or of `mptcp`. */
interface PathDirection {
  readonly path: string;
  readonly direction: Direction;
  readonly target: string;
}

/** The last successful measurement of throughput. */
export interface ThroughputValue extends PathDirection {
  readonly bytesPerSecond: number;
  /** Median of the round trips asked for meanwhile; absent where none were. */
  readonly loadedRttSeconds?: number;
}

/** Which file goes which way. */
interface TransferKey {
  readonly direction: Direction;
  readonly protocol: string;
  readonly size: number;
  readonly target: string;
}

/** The last successful transfer of a file. */
export interface TransferValue extends TransferKey {
  readonly path: string;
  readonly seconds: number;
}

/** How much faster MPTCP transferred a file than the best path alone. */
export interface TransferGain extends TransferKey {
  readonly gain: number;
}

/** What MPTCP made of the paths in the latest round. */
export interface AggregationValue {
  readonly direction: Direction;
  readonly target: string;
  readonly benefit?: number;
  readonly gain: number;
}

/** How much of what a path carries alone it carried in the latest run of MPTCP. */
export interface UtilisationValue {
  readonly path: string;
  readonly direction: Direction;
  readonly ratio: number;
}

/** Keeps what rounds bring, by what its labels are to be, and what is recommended by them. */
export class RoundResults {
  readonly #throughput = new Latest<ThroughputValue>();
  readonly #transfers = new Latest<TransferValue>();
  readonly #gains = new Latest<TransferGain>();
  readonly #aggregation = new Latest<AggregationValue>();
  readonly #utilisation = new Latest<UtilisationValue>();
  readonly #advisers = new Map<string, Adviser>();

  get throughput(): Iterable<ThroughputValue> {
    return this.#throughput.values;
  }

  get transfers(): Iterable<TransferValue> {
    return this.#transfers.values;
  }

  get transferGains(): Iterable<TransferGain> {
    return this.#gains.values;
  }

  get aggregation(): Iterable<AggregationValue> {
    return this.#aggregation.values;
  }

  get utilisation(): Iterable<UtilisationValue> {
    return this.#utilisation.values;
  }

  /** One for each path. Where targets disagree, none of them is followed. */
  get recommendations(): readonly Recommendation[] {
    const byPath = new Map<string, Recommendation>();
    for (const adviser of this.#advisers.values()) {
      for (const one of adviser.recommendations) {
        const other = byPath.get(one.path);
        byPath.set(
          one.path,
          other === undefined || other.action === one.action ? (other ?? one) : disagreement(one.path),
        );
      }
    }
    return [...byPath.values()];
  }

  /** Takes one leg in, as soon as it is done; one that failed leaves what stands from before. */
  leg(settings: BulkSettings, { leg, path, result }: LegRecord): void {
    if (!result.ok) return;
    const { bytes, seconds, loadedRttSeconds } = result.value;
    const { direction, sizeBytes } = leg;
    const target = settings.target.text;
    if (settings.type === 'transfer') {
      const key = { path, direction, protocol: settings.protocol, size: sizeBytes ?? bytes, target };
      this.#transfers.set(key, { ...key, seconds });
    } else {
      const key = { path, direction, target };
      const rtt = median(loadedRttSeconds);
      this.#throughput.set(key, {
        ...key,
        bytesPerSecond: bytes / seconds,
        ...(rtt !== undefined && { loadedRttSeconds: rtt }),
      });
    }
  }

  /** Takes a whole round in. What a round does not tell, because a member is missing, is not known any more. */
  round(round: RoundRecord): void {
    if (round.settings.type === 'transfer') this.#transferGains(round);
    else this.#aggregate(round);
  }

  #aggregate({ settings, legs, backups, metered }: RoundRecord): void {
    const target = settings.target.text;
    const directions = new Map<Direction, RoundDirection>();
    for (const direction of settings.directions) {
      const key = { direction, target };
      const figures = figuresOf(
        legs.filter(({ leg }) => leg.direction === direction),
        direction,
      );
      const members =
        figures && [...figures.aloneBytesPerSecond].filter(([path]) => !backups.has(path)).map(([, rate]) => rate);
      const gain = members && aggregationGain(figures.mptcpBytesPerSecond, members);
      if (figures === undefined || members === undefined || gain === undefined) {
        this.#aggregation.delete(key);
        continue;
      }
      directions.set(direction, figures);
      const benefit = aggregationBenefit(figures.mptcpBytesPerSecond, members);
      this.#aggregation.set(key, { ...key, gain, ...(benefit !== undefined && { benefit }) });
      this.#utilised(direction, figures);
    }
    // A direction that was not measured may be the one that matters: then the round says nothing of what to do.
    if (directions.size === settings.directions.length) this.#heed(target, { directions, backups, metered });
  }

  #utilised(direction: Direction, { mptcpBytesPerSecond, aloneBytesPerSecond, shares }: RoundDirection): void {
    if (shares === undefined) return;
    for (const [path, ratio] of pathUtilisation(mptcpBytesPerSecond, aloneBytesPerSecond, shares)) {
      this.#utilisation.set({ path, direction }, { path, direction, ratio });
    }
  }

  #heed(target: string, round: Round): void {
    const adviser = this.#advisers.get(target) ?? new Adviser();
    this.#advisers.set(target, adviser);
    adviser.heed(round);
  }

  #transferGains({ settings, legs, backups }: RoundRecord): void {
    if (settings.type !== 'transfer') return;
    for (const {
      leg: { direction, sizeBytes = 0 },
    } of legs.filter(isTogether)) {
      const key = { direction, protocol: settings.protocol, size: sizeBytes, target: settings.target.text };
      const same = legs.filter(
        ({ leg, path }) => leg.direction === direction && leg.sizeBytes === sizeBytes && !backups.has(path),
      );
      const figures = figuresOf(same, direction);
      const gain = figures && aggregationGain(figures.mptcpBytesPerSecond, [...figures.aloneBytesPerSecond.values()]);
      if (gain === undefined) this.#gains.delete(key);
      else this.#gains.set(key, { ...key, gain });
    }
  }
}

/** The figures of one direction; undefined when a member is missing, or MPTCP is. */
function figuresOf(legs: readonly LegRecord[], direction: Direction): RoundDirection | undefined {
  const alone = new Map<string, number>();
  const rtts = new Map<string, number>();
  let mptcp: number | undefined;
  let shares: ReadonlyMap<string, number> | undefined;
  for (const record of legs) {
    const { path, result, moved } = record;
    if (!result.ok) return undefined;
    const rate = result.value.bytes / result.value.seconds;
    if (isTogether(record)) {
      mptcp = rate;
      const bytes = new Map(
        [...moved].map(([one, { sentBytes, receivedBytes }]) => [one, direction === 'up' ? sentBytes : receivedBytes]),
      );
      shares = proportions(bytes);
      continue;
    }
    alone.set(path, rate);
    const rtt = median(result.value.loadedRttSeconds);
    if (rtt !== undefined) rtts.set(path, rtt);
  }
  if (mptcp === undefined) return undefined;
  // MPTCP uses whatever the system has: what a path that was not measured alone adds to it cannot be told.
  if ([...(shares ?? [])].some(([path, share]) => share >= USED_SHARE && !alone.has(path))) return undefined;
  return { mptcpBytesPerSecond: mptcp, aloneBytesPerSecond: alone, loadedRttSeconds: rtts, ...(shares && { shares }) };
}

function proportions(bytes: ReadonlyMap<string, number>): ReadonlyMap<string, number> | undefined {
  const all = [...bytes.values()].reduce((sum, each) => sum + each, 0);
  return all > 0 ? new Map([...bytes].map(([path, each]) => [path, each / all])) : undefined;
}

function disagreement(path: string): Recommendation {
  const words = `${path}: leave it as it is, what is best with one target is not with another`;
  return { path, action: 'none', reason: 'mixed', words };
}

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

/** The latest value of each key, a bounded number of them. */
class Latest<Value> {
  readonly #values = new Map<string, Value>();

  get values(): Iterable<Value> {
    return this.#values.values();
  }

  set(key: object, value: Value): void {
    const id = JSON.stringify(key);
    this.#values.delete(id);
    this.#values.set(id, value);
    const [oldest] = this.#values.keys();
    if (this.#values.size > MOST_VALUES && oldest !== undefined) this.#values.delete(oldest);
  }

  delete(key: object): void {
    this.#values.delete(JSON.stringify(key));
  }
}
