import type { ErrorTally } from './error-tally.ts';
import { asExporterError, ERROR_CODES, type ErrorCode } from './errors.ts';
import { ExtraLooks } from './extra-looks.ts';
import type { InterfaceFacts } from './linux/interface-facts.ts';
import { assemble, type Place, type Placeable, placer } from './mptcp/assemble.ts';
import { busiest } from './mptcp/busiest.ts';
import { Ledger } from './mptcp/ledger.ts';
import {
  type Capability,
  type Connection,
  type Failure,
  type NetworkInterface,
  type Outcome,
  PARTS,
  type Part,
  type PathManagerEvent,
  type PathRule,
  type Reading,
  type Snapshot,
  type SourceEvent,
  type Subflow,
} from './mptcp/model.ts';
import { pathMatcher } from './mptcp/path-rules.ts';
import { ThroughputMeter } from './mptcp/throughput.ts';
import type { Source } from './source/source.ts';

/** The current picture: the last look, what has been summed up since the start, and which subflows get series. */
export interface Picture {
  readonly snapshot: Snapshot;
  readonly ledger: Ledger;
  readonly throughput: ThroughputMeter;
  readonly errors: ErrorTally;
  /** Path-manager events since the start by name; absent where the kernel does not tell them. */
  readonly pathManagerEvents?: ReadonlyMap<PathManagerEvent['name'], number>;
  /** Slow facts by interface name; empty until first learnt. */
  readonly facts: ReadonlyMap<string, InterfaceFacts>;
  /** The busiest subflows, at most the limit. */
  readonly shownSubflows: readonly Subflow[];
  /** The busiest connections, at most the limit. */
  readonly shownConnections: readonly Connection[];
  readonly hiddenSubflows: number;
}

/** What an observer needs. */
export interface ObserverOptions {
  readonly source: Source;
  readonly kernelRelease?: string | undefined;
  readonly rules: readonly PathRule[];
  readonly sampleIntervalMs: number;
  /** Most subflows (and most connections) that get series of their own. */
  readonly subflowLimit: number;
  /** Parts that some collector wants; sockets and interfaces are always read. */
  readonly parts: ReadonlySet<Part>;
  readonly errors: ErrorTally;
  readonly facts?: () => ReadonlyMap<string, InterfaceFacts>;
  /** Called with every look; for the log. Must not throw. */
  readonly onLook?: (snapshot: Snapshot) => void;
  /** Called once when the kernel will not tell of events, or not of all; for the log. Must not throw. */
  readonly onEventsRefused?: (failure: Failure) => void;
}

const SAMPLED: ReadonlySet<Part> = new Set<Part>(['sockets', 'interfaces']);

/** Events after which there is a new subflow to be seen. */
const WAKING: ReadonlySet<PathManagerEvent['name']> = new Set(['created', 'subflow_established']);

/** The parts that samples leave out are read at least this often, so that the page is never older. */
const FULL_LOOK_SECONDS = 5;

/**
 * The loop: reads the source at every sampling interval and soon after events, feeds ledger and throughput, and keeps the
 * current picture. A scrape asks for a fresh look, which scrapes at the same moment share.
 */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #ledger: Ledger;
  readonly #throughput = new ThroughputMeter();
  readonly #match;
  readonly #extraLooks = new ExtraLooks(() => this.#enqueue(SAMPLED));
  #snapshot: Snapshot | undefined;
  /** Judges by the last interfaces that could be read. */
  #placeOf: (subflow: Placeable) => Place;
  #pathManagerEvents: Map<PathManagerEvent['name'], number> | undefined;
  #eventsRefused: boolean;
  #fullLook: Promise<Snapshot> | undefined;
  #lastFullLookSeconds = Number.NEGATIVE_INFINITY;
  #queue: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #activity: Float64Array = new Float64Array(0);
  #shownKeys: ReadonlySet<string | number> = new Set();

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#match = pathMatcher(options.rules);
    this.#placeOf = this.#placeOn([]);
    this.#eventsRefused = options.source.subscribe === undefined;
    // Half an interval, so that a look for a scrape right after a sample does not end a span of a few milliseconds.
    this.#ledger = new Ledger({ minimumSpanSeconds: options.sampleIntervalMs / 2000 });
  }

  /** Takes the first look, goes on sampling until {@link stop}, and listens to the source's events. */
  async start(): Promise<void> {
    await this.#lookAtAll();
    this.#schedule(performance.now());
    await this.#subscribe();
  }

  /** Ends sampling; a look under way is awaited, and events are heeded no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#extraLooks.stop();
    await this.#queue;
  }

  /** The last look; `undefined` before the first. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** The picture of the last look, without looking again; `undefined` before the first. */
  get picture(): Picture | undefined {
    return this.#snapshot && this.#paint(this.#snapshot);
  }

  /**
   * A picture of a fresh look. When it does not come within `timeoutMs`, the sums so far with every part marked as
   * timed out, so that a scrape gets what is known and nothing stale.
   */
  async look(timeoutMs?: number): Promise<Picture> {
    const fresh = this.#lookAtAll();
    const snapshot = timeoutMs === undefined ? await fresh : await within(fresh, timeoutMs);
    return this.#paint(snapshot ?? this.#timedOut());
  }

  async #subscribe(): Promise<void> {
    const { source, onEventsRefused } = this.#options;
    if (source.subscribe === undefined) return;
    const failure = await source.subscribe((events) => this.#heed(events));
    if (failure === undefined) {
      this.#ledger.expectCloses();
      this.#pathManagerEvents ??= new Map();
    } else {
      this.#eventsRefused = true;
      onEventsRefused?.(failure);
    }
    // What happened between the first look and now was told to nobody.
    if (!this.#stopped) this.#extraLooks.want();
  }

  #heed(events: readonly SourceEvent[]): void {
    if (this.#stopped) return;
    const now = performance.now() / 1000;
    const namePath = (subflow: Placeable) => this.#placeOf(subflow).path;
    for (const told of events) {
      if (told.kind === 'close') {
        this.#ledger.closed(told.close, now);
        continue;
      }
      if (told.kind === 'path_manager') {
        const { event } = told;
        this.#pathManagerEvents ??= new Map();
        this.#pathManagerEvents.set(event.name, (this.#pathManagerEvents.get(event.name) ?? 0) + 1);
        this.#ledger.announced(event, namePath, now);
        if (!WAKING.has(event.name)) continue;
      }
      this.#extraLooks.want();
    }
  }

  #lookAtAll(): Promise<Snapshot> {
    this.#fullLook ??= this.#enqueue(
      new Set(PARTS.filter((part) => SAMPLED.has(part) || this.#options.parts.has(part))),
    ).finally(() => {
      this.#fullLook = undefined;
    });
    return this.#fullLook;
  }

  /** One reading at a time: a source answers in the order it is asked. */
  #enqueue(parts: ReadonlySet<Part>): Promise<Snapshot> {
    const read = this.#queue.then(() => this.#read(parts));
    this.#queue = read;
    return read;
  }

  async #read(parts: ReadonlySet<Part>): Promise<Snapshot> {
    let reading: Reading;
    try {
      reading = await this.#options.source.read(parts);
    } catch (caught) {
      const error = asExporterError(caught);
      reading = this.#failedReading({ code: error.code, message: error.line });
    }
    const { endpoints, mib, sysctl } = this.#snapshot ?? {};
    const { kernelRelease } = this.#options;
    const carried = {
      ...(kernelRelease !== undefined && { kernelRelease }),
      ...(endpoints && !parts.has('endpoints') && { endpoints }),
      ...(mib && !parts.has('mib') && { mib }),
      ...(sysctl && !parts.has('sysctl') && { sysctl }),
    };
    const snapshot = assemble(
      { ...carried, ...reading, capabilities: this.#withEvents(reading.capabilities) },
      { rules: this.#options.rules, match: this.#match, previous: this.#snapshot },
    );
    this.#countErrors(reading);
    this.#snapshot = snapshot;
    if (snapshot.interfaces.value !== undefined) this.#placeOf = this.#placeOn(snapshot.interfaces.value);
    if (parts.size > SAMPLED.size) this.#lastFullLookSeconds = snapshot.monotonicSeconds;
    const folded = this.#ledger.fold(snapshot);
    this.#activity = folded.activity;
    this.#throughput.measure(snapshot, this.#ledger, folded);
    this.#options.onLook?.(snapshot);
    return snapshot;
  }

  #placeOn(interfaces: readonly NetworkInterface[]): (subflow: Placeable) => Place {
    return placer(interfaces, { rules: this.#options.rules, match: this.#match });
  }

  /** A source that has no events does not speak of them. */
  #withEvents(capabilities: Reading['capabilities']): Reading['capabilities'] {
    if (!this.#eventsRefused || capabilities.has('events')) return capabilities;
    return new Map<Capability, boolean>(capabilities).set('events', false);
  }

  #countErrors(reading: Reading): void {
    for (const { part, code } of reading.incidents) this.#options.errors.count(part, knownCode(code));
    for (const part of PARTS) {
      const failure = reading[part]?.failure;
      if (failure !== undefined) this.#options.errors.count(part, knownCode(failure.code));
    }
  }

  #schedule(lastDue: number): void {
    if (this.#stopped) return;
    const now = performance.now();
    // A late sample is not made up for: the next one is due on the grid.
    const due = Math.max(lastDue + this.#options.sampleIntervalMs, now);
    this.#timer = setTimeout(() => {
      const stale = performance.now() / 1000 - this.#lastFullLookSeconds >= FULL_LOOK_SECONDS;
      const look = stale ? this.#lookAtAll() : this.#enqueue(SAMPLED);
      void look.then(() => this.#schedule(due));
    }, due - now);
  }

  #paint(snapshot: Snapshot): Picture {
    const { subflowLimit, errors, facts } = this.#options;
    const { subflows, connections } = snapshot.sockets.value ?? { subflows: [], connections: [] };
    const wasShown = ({ key }: { readonly key: string | number }) => this.#shownKeys.has(key);
    const activity = this.#activity;
    const shownSubflows = busiest(subflows, subflowLimit, (_, index) => activity[index] ?? 0, wasShown);
    const busyness = ({ subflows: members }: Connection) => {
      let sum = 0;
      for (const index of members) sum += activity[index] ?? 0;
      return sum;
    };
    const shownConnections = busiest(connections, subflowLimit, busyness, wasShown);
    if (shownSubflows.length < subflows.length || shownConnections.length < connections.length) {
      this.#shownKeys = new Set([...shownSubflows, ...shownConnections].map(({ key }) => key));
    }
    return {
      snapshot,
      ledger: this.#ledger,
      throughput: this.#throughput,
      errors,
      ...(this.#pathManagerEvents !== undefined && { pathManagerEvents: this.#pathManagerEvents }),
      facts: facts?.() ?? new Map(),
      shownSubflows,
      shownConnections,
      hiddenSubflows: subflows.length - shownSubflows.length,
    };
  }

  #timedOut(): Snapshot {
    const failure = { code: 'timeout', message: 'the kernel was not read within the time the scrape allowed' };
    const reading = this.#failedReading(failure);
    this.#countErrors(reading);
    return assemble(reading, { rules: this.#options.rules, match: this.#match });
  }

  #failedReading(failure: { readonly code: string; readonly message: string }): Reading {
    const { source, parts, kernelRelease } = this.#options;
    const failed: Outcome<never> = { failure };
    return {
      source: source.name,
      kernel: source.kernel,
      ...(kernelRelease !== undefined && { kernelRelease }),
      monotonicSeconds: performance.now() / 1000,
      sockets: failed,
      interfaces: failed,
      ...(parts.has('endpoints') && { endpoints: failed }),
      ...(parts.has('mib') && { mib: failed }),
      ...(parts.has('sysctl') && { sysctl: failed }),
      capabilities: new Map(),
      incidents: [],
    };
  }
}

function knownCode(code: string): ErrorCode {
  return ERROR_CODES.find((candidate) => candidate === code) ?? 'internal';
}

/** The value, or `undefined` when it does not come in time; the timer never outlives the answer. */
async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
