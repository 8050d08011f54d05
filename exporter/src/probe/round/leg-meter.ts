import type { Account } from '../account.ts';
import type { ByteMeter } from '../probe.ts';

/** What one path moved, in bytes. */
export interface Moved {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** What a meter is for. */
interface LegMeterOptions {
  readonly account: Account;
  /** Paths the leg may use: one, or all that MPTCP has. */
  readonly paths: readonly string[];
  readonly grantedBytes: number;
  /** Called once, when all that was granted has been moved. */
  readonly onExhausted: () => void;
}

/** Counts one leg by path, and ends it at its bound. */
export class LegMeter implements ByteMeter {
  readonly #options: LegMeterOptions;
  readonly #meters = new Map<string, ByteMeter>();
  readonly #moved = new Map<string, { sentBytes: number; receivedBytes: number }>();
  #left: number;
  #told = false;

  constructor(options: LegMeterOptions) {
    this.#options = options;
    this.#left = options.grantedBytes;
  }

  sent(bytes: number, path = this.#only): void {
    this.#count('sentBytes', bytes, path);
  }

  received(bytes: number, path = this.#only): void {
    this.#count('receivedBytes', bytes, path);
  }

  get remaining(): number {
    return Math.max(0, this.#left);
  }

  /** By path. */
  get moved(): ReadonlyMap<string, Moved> {
    return this.#moved;
  }

  get #only(): string | undefined {
    const { paths } = this.#options;
    return paths.length === 1 ? paths[0] : undefined;
  }

  #count(direction: keyof Moved, bytes: number, path: string | undefined): void {
    // Of bytes over MPTCP of which no path is known, rather too much is counted than too little.
    for (const one of path === undefined ? this.#options.paths : [path]) this.#put(direction, bytes, one);
    this.#left -= bytes;
    if (this.#left <= 0) this.#exhausted();
  }

  #put(direction: keyof Moved, bytes: number, path: string): void {
    const moved = this.#moved.get(path) ?? { sentBytes: 0, receivedBytes: 0 };
    this.#moved.set(path, moved);
    moved[direction] += bytes;
    const meter = this.#meters.get(path) ?? this.#options.account.meter(path, () => this.#exhausted());
    this.#meters.set(path, meter);
    if (direction === 'sentBytes') meter.sent(bytes);
    else meter.received(bytes);
  }

  #exhausted(): void {
    if (this.#told) return;
    this.#told = true;
    this.#options.onExhausted();
  }
}
