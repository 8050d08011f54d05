import type { Snapshot, Subflow, TcpInfo } from './model.ts';
import { UNKNOWN_PATH } from './path-rules.ts';

/** Byte counters kept per path, named as in {@link TcpInfo}. */
const BYTE_COUNTERS = ['sentBytes', 'receivedBytes', 'retransmittedBytes', 'acknowledgedBytes'] as const;

/** How a subflow ended, as polling sees it: with its connection, or alone while the connection went on. */
export type CloseReason = 'connection_closed' | 'subflow_closed';

/** What a path has carried since the ledger was opened; every number only grows. */
export interface PathTotals {
  readonly sentBytes?: number;
  readonly receivedBytes?: number;
  readonly retransmittedBytes?: number;
  readonly acknowledgedBytes?: number;
  readonly subflowsEstablished: number;
  readonly subflowsClosed: Readonly<Record<CloseReason, number>>;
  /** Closes whose last bytes could not be learnt: with polling alone, every close. */
  readonly unaccountedCloses: number;
}

/** What a look brought. */
export interface Folded {
  /** Length of the span for rates that this look ended, when it ended one. */
  readonly spanSeconds?: number;
  /**
   * How busy each subflow of the look was in the last span, in bytes per second both ways, by its index in the snapshot;
   * 0 when that is not known.
   */
  readonly activity: Float64Array;
}

const NOTHING: Folded = { activity: new Float64Array(0) };

/** How fast one subflow moved in the last measured span; absent until it has been seen over one. */
export interface SubflowRates {
  readonly sendBytesPerSecond?: number;
  readonly receiveBytesPerSecond?: number;
}

interface OpenTotals {
  sentBytes?: number;
  receivedBytes?: number;
  retransmittedBytes?: number;
  acknowledgedBytes?: number;
  subflowsEstablished: number;
  subflowsClosed: Record<CloseReason, number>;
  unaccountedCloses: number;
}

/** The last polled values of one open subflow, and where its span for rates began. */
interface Entry {
  path: string;
  readonly connectionToken: number | undefined;
  sentBytes: number | undefined;
  receivedBytes: number | undefined;
  retransmittedBytes: number | undefined;
  acknowledgedBytes: number | undefined;
  fold: number;
  spanSentBytes: number | undefined;
  spanReceivedBytes: number | undefined;
  sendBytesPerSecond: number | undefined;
  receiveBytesPerSecond: number | undefined;
}

/** Names of paths beyond this many are counted under {@link UNKNOWN_PATH}: container hosts make interfaces by the thousand. */
const PATH_LIMIT = 512;

/**
 * Turns the counters of sockets, which come and go, into counters of paths, which never go backwards.
 *
 * Subflows that are already open at the first look count from what they show then: their earlier bytes may have been
 * counted by the run before this one, and a restart must not look like traffic to Prometheus.
 */
export class Ledger {
  readonly #paths = new Map<string, OpenTotals>();
  readonly #entries = new Map<string | number, Entry>();
  readonly #minimumSpanSeconds: number;
  #folds = 0;
  #spanStart: number | undefined;

  /** `minimumSpanSeconds`: rates are measured over at least this long, so that two looks in a row do not make noise. */
  constructor(options: { readonly minimumSpanSeconds: number }) {
    this.#minimumSpanSeconds = options.minimumSpanSeconds;
  }

  /**
   * Takes one look into account. A look whose sockets could not be read changes nothing: not seen is not closed.
   */
  fold(snapshot: Snapshot): Folded {
    for (const { name } of snapshot.paths) this.#totals(name);
    const sockets = snapshot.sockets.value;
    if (sockets === undefined) return NOTHING;
    const span = this.#endSpan(snapshot.monotonicSeconds);
    this.#folds++;
    const activity = new Float64Array(sockets.subflows.length);
    let index = 0;
    for (const subflow of sockets.subflows) activity[index++] = this.#foldSubflow(subflow, span);
    if (this.#entries.size > sockets.subflows.length) this.#closeUnseen(snapshot);
    return span === undefined ? { activity } : { activity, spanSeconds: span };
  }

  /** Totals by path, in the order in which the paths were first seen. */
  get paths(): ReadonlyMap<string, PathTotals> {
    return this.#paths;
  }

  /** Subflows held; as many as were open at the last look. */
  get openSubflows(): number {
    return this.#entries.size;
  }

  /** The rates of a subflow that was open at the last look. */
  ratesOf(key: string | number): SubflowRates {
    const entry = this.#entries.get(key);
    return {
      ...(entry?.sendBytesPerSecond !== undefined && { sendBytesPerSecond: entry.sendBytesPerSecond }),
      ...(entry?.receiveBytesPerSecond !== undefined && { receiveBytesPerSecond: entry.receiveBytesPerSecond }),
    };
  }

  #endSpan(now: number): number | undefined {
    if (this.#spanStart === undefined) {
      this.#spanStart = now;
      return undefined;
    }
    const seconds = now - this.#spanStart;
    if (seconds < this.#minimumSpanSeconds) return undefined;
    this.#spanStart = now;
    return seconds;
  }

  #foldSubflow(subflow: Subflow, span: number | undefined): number {
    let entry = this.#entries.get(subflow.key);
    if (entry === undefined) {
      entry = this.#open(subflow);
    } else if (entry.path !== subflow.path && subflow.path !== UNKNOWN_PATH) {
      entry.path = subflow.path;
    }
    entry.fold = this.#folds;
    this.#credit(entry, subflow.socket.tcp);
    if (span !== undefined) measure(entry, span);
    return (entry.sendBytesPerSecond ?? 0) + (entry.receiveBytesPerSecond ?? 0);
  }

  #open({ key, path, socket }: Subflow): Entry {
    const found = this.#folds === 1;
    const { tcp } = socket;
    const startOf = (value: number | undefined) => (found || value === undefined ? value : 0);
    const entry: Entry = {
      path,
      connectionToken: socket.token,
      sentBytes: startOf(tcp.sentBytes),
      receivedBytes: startOf(tcp.receivedBytes),
      retransmittedBytes: startOf(tcp.retransmittedBytes),
      acknowledgedBytes: startOf(tcp.acknowledgedBytes),
      fold: this.#folds,
      // A subflow born within a span has moved all it shows within that span.
      spanSentBytes: startOf(tcp.sentBytes),
      spanReceivedBytes: startOf(tcp.receivedBytes),
      sendBytesPerSecond: undefined,
      receiveBytesPerSecond: undefined,
    };
    this.#entries.set(key, entry);
    const totals = this.#totals(path);
    if (!found) totals.subflowsEstablished++;
    // What the source counts is 0 from now on, not absent.
    for (const counter of BYTE_COUNTERS) if (tcp[counter] !== undefined) totals[counter] ??= 0;
    return entry;
  }

  #credit(entry: Entry, tcp: TcpInfo): void {
    const { sentBytes, receivedBytes, retransmittedBytes, acknowledgedBytes } = tcp;
    // Most subflows are idle at most looks.
    if (
      sentBytes === entry.sentBytes &&
      receivedBytes === entry.receivedBytes &&
      retransmittedBytes === entry.retransmittedBytes &&
      acknowledgedBytes === entry.acknowledgedBytes
    ) {
      return;
    }
    const totals = this.#totals(entry.path);
    const now = { sentBytes, receivedBytes, retransmittedBytes, acknowledgedBytes };
    for (const counter of BYTE_COUNTERS) {
      const value = now[counter];
      if (value === undefined) continue;
      const last = entry[counter] ?? 0;
      // A counter that shrank was zeroed by a disconnect: what it shows is new, what it had is already credited.
      totals[counter] = (totals[counter] ?? 0) + (value >= last ? value - last : value);
      entry[counter] = value;
    }
  }

  #closeUnseen(snapshot: Snapshot): void {
    const tokens = new Set(snapshot.sockets.value?.connections.map(({ socket }) => socket.token));
    for (const [key, entry] of this.#entries) {
      if (entry.fold === this.#folds) continue;
      const totals = this.#totals(entry.path);
      const alone = entry.connectionToken !== undefined && tokens.has(entry.connectionToken);
      totals.subflowsClosed[alone ? 'subflow_closed' : 'connection_closed']++;
      totals.unaccountedCloses++;
      this.#entries.delete(key);
    }
  }

  #totals(path: string): OpenTotals {
    const name = this.#paths.has(path) || this.#paths.size < PATH_LIMIT ? path : UNKNOWN_PATH;
    let totals = this.#paths.get(name);
    if (totals === undefined) {
      totals = {
        subflowsEstablished: 0,
        subflowsClosed: { connection_closed: 0, subflow_closed: 0 },
        unaccountedCloses: 0,
      };
      this.#paths.set(name, totals);
    }
    return totals;
  }
}

function measure(entry: Entry, span: number): void {
  const { sentBytes, receivedBytes, spanSentBytes, spanReceivedBytes } = entry;
  entry.sendBytesPerSecond = rate(sentBytes, spanSentBytes, span);
  entry.receiveBytesPerSecond = rate(receivedBytes, spanReceivedBytes, span);
  entry.spanSentBytes = sentBytes;
  entry.spanReceivedBytes = receivedBytes;
}

function rate(now: number | undefined, before: number | undefined, span: number): number | undefined {
  return now === undefined || before === undefined ? undefined : Math.max(0, now - before) / span;
}
