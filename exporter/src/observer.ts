import { setImmediate as turnOfEvents } from 'node:timers/promises';
import type { ErrorTally } from './error-tally.ts';
import { asExporterError } from './errors.ts';
import type { InterfaceFacts } from './linux/interface-facts.ts';
import { assemble, type Place, type Placeable, placer } from './mptcp/assemble.ts';
import { DEFAULT_HEALTH_SETTINGS } from './mptcp/health/settings.ts';
import type { CheckResult } from './mptcp/health/states.ts';
import { Ledger } from './mptcp/ledger.ts';
import {
  type Capability,
  type Failure,
  type NetworkInterface,
  PARTS,
  type Part,
  type PathManagerEvent,
  type PathRule,
  type Reading,
  type Snapshot,
  type SocketAddress,
  type SourceEvent,
} from './mptcp/model.ts';
import { pathMatcher } from './mptcp/path-rules.ts';
import { ThroughputMeter } from './mptcp/throughput.ts';
import { ExtraLooks } from './observer/extra-looks.ts';
import { type HealthOptions, HealthWatch } from './observer/health-watch.ts';
import { type Picture, type ProbePicture, Showcase } from './observer/picture.ts';
import { countErrors, failedReading } from './observer/reading-errors.ts';
import type { Source } from './source/source.ts';

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
  /** By default with the default thresholds and without checks. */
  readonly health?: HealthOptions;
  /** Whether MPTCP connections to this peer are probes of ours. */
  readonly isOwn?: (peer: SocketAddress) => boolean;
  /** What probes have brought; absent when none is configured. */
  readonly probes?: ProbePicture;
  readonly facts?: () => ReadonlyMap<string, InterfaceFacts>;
  /** Called with every look; for the log. Must not throw. */
  readonly onLook?: (snapshot: Snapshot) => void;
  /** Called once when the kernel will not tell of events, or not of all; for the log. Must not throw. */
  readonly onEventsRefused?: (failure: Failure) => void;
}

const SAMPLED: ReadonlySet<Part> = new Set<Part>(['sockets', 'interfaces']);

/** What a sample reads besides while it is not clear whether new connections lack subflows. */
const UNSETTLED: readonly Part[] = ['endpoints', 'mib'];

/** Events after which there is a new subflow to be seen, or one missed: the kernel tells only of those that close alone. */
const WAKING: ReadonlySet<PathManagerEvent['name']> = new Set(['created', 'subflow_established', 'subflow_closed']);

/** A look with more subflows is taken in by stages; fewer are done within a few milliseconds. */
const AT_ONCE = 500;

/** The parts that samples leave out are read at least this often, so that the page is never older. */
const FULL_LOOK_SECONDS = 5;

/**
 * The loop: reads the source at every sampling interval, soon after events and when health needs it, feeds ledger, throughput
 * and health, and keeps the current picture. A scrape asks for a fresh look, which scrapes at the same moment share.
 */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #ledger: Ledger;
  readonly #throughput = new ThroughputMeter();
  readonly #health: HealthWatch;
  readonly #showcase: Showcase;
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
  #healthTimer: NodeJS.Timeout | undefined;
  #stopped = false;
  #activity: Float64Array = new Float64Array(0);

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#match = pathMatcher(options.rules);
    this.#placeOf = this.#placeOn([]);
    this.#eventsRefused = options.source.subscribe === undefined;
    const health = options.health ?? { settings: DEFAULT_HEALTH_SETTINGS };
    this.#health = new HealthWatch(
      health,
      options.rules.map(({ name }) => name),
      options.errors,
    );
    this.#showcase = new Showcase(options.subflowLimit);
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
    clearTimeout(this.#healthTimer);
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

  /** Takes what a check of health's brought, and looks at once to judge by it. */
  answer(result: CheckResult): void {
    if (this.#stopped) return;
    this.#health.answer(result);
    this.#extraLooks.want();
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
        this.#health.heed(event);
        if (!WAKING.has(event.name)) continue;
      }
      this.#extraLooks.want();
    }
  }

  #lookAtAll(): Promise<Snapshot> {
    this.#fullLook ??= this.#enqueue(
      new Set(PARTS.filter((part) => SAMPLED.has(part) || this.#options.parts.has(part))),
    )
      .then((snapshot) => {
        this.#lastFullLookSeconds = snapshot.monotonicSeconds;
        return snapshot;
      })
      .finally(() => {
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
      reading = this.#failed({ code: error.code, message: error.line });
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
      { rules: this.#options.rules, match: this.#match, previous: this.#snapshot, isOwn: this.#options.isOwn },
    );
    countErrors(reading, this.#options.errors);
    await this.#takeIn(snapshot);
    this.#options.onLook?.(snapshot);
    return snapshot;
  }

  /**
   * Feeds a look to all who judge by it. Of thousands of subflows each takes its time, so events and requests get their turn
   * in between: what they change or show is then as if they had come while the kernel was being read.
   */
  async #takeIn(snapshot: Snapshot): Promise<void> {
    if (snapshot.interfaces.value !== undefined) this.#placeOf = this.#placeOn(snapshot.interfaces.value);
    const isLong = (snapshot.sockets.value?.subflows.length ?? 0) > AT_ONCE;
    if (isLong) await turnOfEvents();
    const folded = this.#ledger.fold(snapshot);
    this.#throughput.measure(snapshot, this.#ledger, folded);
    // Together, because the activity is by the snapshot's indices.
    this.#snapshot = snapshot;
    this.#activity = folded.activity;
    if (isLong) await turnOfEvents();
    this.#lookAgain(this.#health.observe(snapshot, this.#ledger.paths));
  }

  /** Looks when health has said that there will be more to tell, unless a sample comes first. */
  #lookAgain(seconds: number | undefined): void {
    clearTimeout(this.#healthTimer);
    if (seconds === undefined || this.#stopped || 1000 * seconds >= this.#options.sampleIntervalMs) return;
    this.#healthTimer = setTimeout(() => this.#extraLooks.want(), 1000 * seconds);
  }

  #sampled(): ReadonlySet<Part> {
    if (!this.#health.unsettled) return SAMPLED;
    return new Set([...SAMPLED, ...UNSETTLED.filter((part) => this.#options.parts.has(part))]);
  }

  #placeOn(interfaces: readonly NetworkInterface[]): (subflow: Placeable) => Place {
    return placer(interfaces, { rules: this.#options.rules, match: this.#match });
  }

  /** A source that has no events does not speak of them. */
  #withEvents(capabilities: Reading['capabilities']): Reading['capabilities'] {
    if (!this.#eventsRefused || capabilities.has('events')) return capabilities;
    return new Map<Capability, boolean>(capabilities).set('events', false);
  }

  #schedule(lastDue: number): void {
    if (this.#stopped) return;
    const now = performance.now();
    // A late sample is not made up for: the next one is due on the grid.
    const due = Math.max(lastDue + this.#options.sampleIntervalMs, now);
    this.#timer = setTimeout(() => {
      const stale = performance.now() / 1000 - this.#lastFullLookSeconds >= FULL_LOOK_SECONDS;
      const look = stale ? this.#lookAtAll() : this.#enqueue(this.#sampled());
      void look.then(() => this.#schedule(due));
    }, due - now);
  }

  #paint(snapshot: Snapshot): Picture {
    const { errors, facts, probes } = this.#options;
    return {
      snapshot,
      ledger: this.#ledger,
      throughput: this.#throughput,
      health: this.#health.picture(snapshot.monotonicSeconds),
      errors,
      ...(probes !== undefined && { probes }),
      ...(this.#pathManagerEvents !== undefined && { pathManagerEvents: this.#pathManagerEvents }),
      facts: facts?.() ?? new Map(),
      ...this.#showcase.choose(snapshot, this.#activity),
    };
  }

  #failed(failure: Failure): Reading {
    const { source, parts, kernelRelease } = this.#options;
    return { ...failedReading(source, parts, failure), ...(kernelRelease !== undefined && { kernelRelease }) };
  }

  #timedOut(): Snapshot {
    const failure = { code: 'timeout', message: 'the kernel was not read within the time the scrape allowed' };
    const reading = this.#failed(failure);
    countErrors(reading, this.#options.errors);
    return assemble(reading, { rules: this.#options.rules, match: this.#match });
  }
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
