import { asExporterError, ExporterError } from '../errors.ts';
import type { CheckRequest, CheckResult } from '../mptcp/health/states.ts';
import { UNKNOWN_PATH } from '../mptcp/path-rules.ts';

/** Most checks under way at once; what is asked beyond has failed. */
const MOST_AT_ONCE = 64;

/** Names of paths beyond this many are counted under {@link UNKNOWN_PATH}: what has been counted stands until the end. */
const MOST_PATHS = 512;

/**
 * Makes one connect: resolves to `true` when the peer answered, to `false` when nothing came within `timeoutSeconds` or the
 * signal ended it; rejects with an {@link ExporterError} when it could not be made. Leaves nothing behind either way.
 */
export type CheckConnector = (request: CheckRequest, signal: AbortSignal) => Promise<boolean>;

/** What the checks of one path have come to; each is counted once. */
export interface CheckCounts {
  /** An answer came within `verdictSeconds`. */
  readonly alive: number;
  /** None came within `verdictSeconds`; it may have come later. */
  readonly dead: number;
  /** The connect could not be made. */
  readonly failed: number;
}

/** Who makes the connects of {@link PathChecks}, and who is told. The callbacks must not throw. */
export interface PathChecksOptions {
  readonly connect: CheckConnector;
  /** Called for every verdict, and once more when an answer comes after the verdict `alive: false`. */
  readonly onResult: (result: CheckResult) => void;
  /** Called for every check that could not be made, or that broke off. */
  readonly onFailure: (error: ExporterError, path: string) => void;
}

/**
 * Makes the connects that the health judgement asks for, at most one a path at a time. Each costs at most 5 SYNs in its
 * 4.5 s (the default), of 60 bytes over IPv4 or 80 over IPv6, and at most as many answers of the peer with a reset to each:
 * under 1 kB, and under 250 bytes when it is answered at once.
 */
export class PathChecks {
  readonly #counts = new Map<string, CheckCounts>();
  readonly #running = new Map<string, AbortController>();
  readonly #options: PathChecksOptions;
  #stopped = false;

  constructor(options: PathChecksOptions) {
    this.#options = options;
  }

  /** By path, since the start; bounded. */
  get counts(): ReadonlyMap<string, CheckCounts> {
    return this.#counts;
  }

  /** Begins these checks, except on a path that has one under way; nothing after {@link PathChecks.stop}. */
  start(requests: readonly CheckRequest[]): void {
    for (const request of requests) {
      if (this.#stopped || this.#running.has(request.path)) continue;
      if (this.#running.size < MOST_AT_ONCE) void this.#run(request);
      else
        this.#fail(request.path, new ExporterError('overloaded', `${MOST_AT_ONCE} path checks are under way already`));
    }
  }

  /** Ends those under way at once; nothing is reported afterwards. */
  stop(): void {
    this.#stopped = true;
    for (const running of this.#running.values()) running.abort();
  }

  async #run(request: CheckRequest): Promise<void> {
    const { path, verdictSeconds } = request;
    const abort = new AbortController();
    this.#running.set(path, abort);
    let verdict: boolean | undefined;
    const decide = (alive: boolean): void => {
      if (this.#stopped) return;
      if (verdict === undefined) this.#count(path, alive ? 'alive' : 'dead');
      verdict = alive;
      this.#options.onResult({ path, alive, monotonicSeconds: performance.now() / 1000 });
    };
    const overdue = setTimeout(decide, verdictSeconds * 1000, false);
    try {
      const answered = await this.#options.connect(request, abort.signal);
      clearTimeout(overdue);
      if (answered || verdict === undefined) decide(answered);
    } catch (caught) {
      clearTimeout(overdue);
      if (!this.#stopped) this.#fail(path, asExporterError(caught), verdict === undefined);
    } finally {
      this.#running.delete(path);
    }
  }

  /** One that broke off after its verdict is counted already. */
  #fail(path: string, error: ExporterError, counts = true): void {
    if (counts) this.#count(path, 'failed');
    this.#options.onFailure(error, path);
  }

  #count(path: string, result: keyof CheckCounts): void {
    const name = this.#counts.has(path) || this.#counts.size < MOST_PATHS ? path : UNKNOWN_PATH;
    const counts = this.#counts.get(name) ?? { alive: 0, dead: 0, failed: 0 };
    this.#counts.set(name, { ...counts, [result]: counts[result] + 1 });
  }
}
