import { Health } from '../../../exporter/src/mptcp/health/health.ts';
import { DEFAULT_HEALTH_SETTINGS, type HealthSettings } from '../../../exporter/src/mptcp/health/settings.ts';
import type {
  CheckRequest,
  CheckResult,
  ObservedDuration,
  PathHealth,
  PathState,
  ProbeEvidence,
  Reason,
  SubflowHealthState,
} from '../../../exporter/src/mptcp/health/states.ts';
import { Ledger } from '../../../exporter/src/mptcp/ledger.ts';
import {
  type ConnectionRecord,
  type Mib,
  type NetworkInterface,
  type PathManager,
  type PathManagerEvent,
  type PathRule,
  type Snapshot,
  SUBFLOW_FLAG,
  type SubflowRecord,
  type TcpInfo,
} from '../../../exporter/src/mptcp/model.ts';
import {
  connection,
  INITIAL,
  INTERFACES,
  JOINED,
  networkInterface,
  reading,
  snapshot,
  subflow,
} from '../../support/scene.ts';

const MSS = 1448;

/** Bytes a second of a subflow that is busy. */
const BUSY = 1_000_000;

/** One subflow of a made timeline: how the kernel of 6.18 shows it while things happen to it (F9). */
export class Flow {
  sending = false;
  receiving = false;
  /** Nothing comes through, either way. */
  dead = false;
  gone = false;
  /** Bytes a second that it sends or receives. */
  rate = BUSY;
  lossRatio = 0;
  rttSeconds = 0.02;
  overrides: Partial<SubflowRecord> = {};
  readonly token: number;
  readonly cookie: number;
  readonly address: string;
  readonly flags: number;
  #sent = 0;
  #acknowledged = 0;
  #received = 0;
  #retransmitted = 0;
  #heardAt: number;
  #receivedAt: number;
  #sentAt: number;
  #firstLossAt: number | undefined;
  #backoff = 0;
  #clock: number;
  #outstanding = 0;

  constructor(token: number, cookie: number, address: string, flags: number, now: number) {
    this.token = token;
    this.cookie = cookie;
    this.address = address;
    this.flags = flags;
    this.#clock = now;
    this.#heardAt = now;
    this.#receivedAt = now;
    this.#sentAt = now;
  }

  get timeout(): number {
    return 0.2 + this.rttSeconds;
  }

  /** Lets the time pass in which the flow does what it is set to. */
  pass(to: number): void {
    const span = to - this.#clock;
    this.#clock = to;
    if (this.dead) {
      if (this.sending || this.#outstanding > 0) this.#passStalled(to);
      return;
    }
    if (this.#firstLossAt !== undefined) {
      // A sender in backoff tries again when its timer says so, which finds the link in order.
      const next = this.#firstLossAt + this.timeout * (2 ** (this.#backoff + 1) - 1);
      if (to < next) return;
      this.#firstLossAt = undefined;
      this.#backoff = 0;
      this.#retransmitted += this.#outstanding * MSS;
      this.#sent += this.#outstanding * MSS;
      this.#outstanding = 0;
      this.#acknowledged = this.#sent - this.#retransmitted;
      this.#heardAt = to;
      this.#sentAt = to;
    }
    if (this.sending) {
      this.#sent += span * this.rate * (1 + this.lossRatio);
      this.#retransmitted += span * this.rate * this.lossRatio;
      this.#acknowledged += span * this.rate;
      this.#outstanding = 14;
      this.#sentAt = to;
      this.#heardAt = to - 0.004;
    } else if (this.#outstanding > 0) {
      this.#outstanding = 0;
      this.#heardAt = to - span;
    }
    if (this.receiving) {
      this.#received += span * this.rate;
      this.#receivedAt = to;
      this.#heardAt = to;
    }
  }

  #passStalled(to: number): void {
    this.#firstLossAt ??= this.#heardAt;
    if (this.#outstanding === 0) {
      this.#firstLossAt = this.#sentAt = to - 0.1;
      this.#outstanding = 5;
    }
    for (;;) {
      const next = this.#firstLossAt + this.timeout * (2 ** (this.#backoff + 1) - 1);
      if (next > to) return;
      this.#backoff++;
      this.#sentAt = next;
      this.#sent += MSS;
      this.#retransmitted += MSS;
    }
  }

  record(): SubflowRecord {
    const tcp: TcpInfo = {
      sentBytes: Math.round(this.#sent),
      acknowledgedBytes: Math.round(this.#acknowledged),
      receivedBytes: Math.round(this.#received),
      retransmittedBytes: Math.round(this.#retransmitted),
      rttSeconds: this.rttSeconds,
      unacknowledgedSegments: this.#outstanding,
      lastDataSentSeconds: this.#clock - this.#sentAt,
      lastDataReceivedSeconds: this.#clock - this.#receivedAt,
      lastAcknowledgementSeconds: this.#clock - this.#heardAt,
      retransmissionTimeoutSeconds: this.timeout * 2 ** this.#backoff,
      backoff: this.#backoff,
    };
    return subflow(this.token, this.address, {
      cookie: this.cookie,
      flags: this.flags,
      sendQueueBytes: this.#outstanding * MSS,
      local: { address: this.address, port: 40_000 + this.cookie },
      tcp,
      ...this.overrides,
    });
  }
}

interface Entered {
  readonly at: number;
  readonly state: PathState;
  readonly reasons: readonly Reason[];
}

/** A made machine whose health is judged at every step of its clock. */
export class Timeline {
  now = 100;
  interfaces: readonly NetworkInterface[] = [...INTERFACES, networkInterface('lte0', 3)];
  endpoints: PathManager | undefined;
  mib: Mib | undefined;
  rules: readonly PathRule[];
  flows: Flow[] = [];
  connections = new Map<number, ConnectionRecord>();
  events: PathManagerEvent[] = [];
  /** Answers a check at once, later or never. */
  answer: (request: CheckRequest) => readonly { readonly alive: boolean; readonly afterSeconds: number }[] = () => [
    { alive: true, afterSeconds: 0.03 },
  ];
  /** Paths on which probes fail. */
  probes: ReadonlyMap<string, ProbeEvidence> | undefined;
  readonly history = new Map<string, Entered[]>();
  readonly durations: (ObservedDuration & { at: number })[] = [];
  readonly asked: (CheckRequest & { at: number })[] = [];
  readonly health: Health;
  /** Looks again when that is advised. */
  eager = true;
  paths: ReadonlyMap<string, PathHealth> = new Map();
  subflows: readonly SubflowHealthState[] = [];
  /** Whether the last look wanted fresh endpoints and counters. */
  unsettled = false;
  #pending: CheckResult[] = [];
  #previous: Snapshot | undefined;
  #cookies = 0;
  #advised: number | undefined;
  readonly #ledger = new Ledger({ minimumSpanSeconds: 0.5 });
  /** Every reason of every look. */
  readonly #told: { readonly at: number; readonly path: string; readonly reason: Reason }[] = [];

  constructor(settings: Partial<HealthSettings> = {}, rules: readonly PathRule[] = []) {
    this.rules = rules;
    this.health = new Health({
      settings: { ...DEFAULT_HEALTH_SETTINGS, ...settings },
      configuredPaths: rules.map(({ name }) => name),
    });
  }

  /** A connection of this end with a subflow from each address, the first one the initial subflow. */
  connect(token: number, addresses: readonly string[], overrides: Partial<ConnectionRecord> = {}): Flow[] {
    this.connections.set(token, connection(token, { remoteKeyReceived: true, ...overrides }));
    const flows = addresses.map((address, index) => this.join(token, address, index === 0 ? INITIAL : JOINED));
    return flows;
  }

  join(token: number, address: string, flags = JOINED): Flow {
    this.#cookies++;
    const flow = new Flow(token, this.#cookies, address, flags, this.now);
    this.flows.push(flow);
    return flow;
  }

  close(token: number): void {
    this.connections.delete(token);
    for (const flow of this.flows) if (flow.token === token) flow.gone = true;
  }

  /** Lets the time pass with a look at every second (or `step`), and at the moments that the reports advise. */
  run(seconds: number, step = 1): void {
    const end = this.now + seconds;
    while (this.now < end - 1e-9) {
      const answers = this.#pending.map(({ monotonicSeconds }) => monotonicSeconds);
      // An answer wakes the observer.
      const due = Math.min(this.now + step, end, this.#advised ?? Number.POSITIVE_INFINITY, ...answers);
      this.now = Math.max(due, this.now + 0.001);
      this.look();
    }
  }

  look(): void {
    this.flows = this.flows.filter(({ gone }) => !gone);
    for (const flow of this.flows) flow.pass(this.now);
    const taken = snapshot(
      reading(
        { connections: [...this.connections.values()], subflows: this.flows.map((flow) => flow.record()) },
        {
          monotonicSeconds: this.now,
          interfaces: { value: this.interfaces },
          ...(this.endpoints && { endpoints: { value: this.endpoints } }),
          ...(this.mib && { mib: { value: this.mib } }),
        },
      ),
      this.rules,
      this.#previous,
    );
    this.#previous = taken;
    const checks = this.#pending.filter(({ monotonicSeconds }) => monotonicSeconds <= this.now);
    this.#pending = this.#pending.filter(({ monotonicSeconds }) => monotonicSeconds > this.now);
    this.#ledger.fold(taken);
    const report = this.health.observe({
      snapshot: taken,
      totals: this.#ledger.paths,
      events: this.events,
      checks,
      ...(this.probes !== undefined && { probes: this.probes }),
    });
    this.events = [];
    this.paths = report.paths;
    this.subflows = report.subflows;
    this.unsettled = report.unsettled;
    this.#advised =
      this.eager && report.lookAgainSeconds !== undefined ? this.now + report.lookAgainSeconds : undefined;
    for (const duration of report.durations) this.durations.push({ ...duration, at: this.now });
    for (const request of report.checks) {
      this.asked.push({ ...request, at: this.now });
      for (const { alive, afterSeconds } of this.answer(request))
        this.#pending.push({ path: request.path, alive, monotonicSeconds: this.now + afterSeconds });
    }
    for (const [name, { state, reasons }] of report.paths) this.#note(name, state, [...reasons]);
  }

  /** Answers checks as the links would: over a dead one only when it comes back in time. */
  answerBy(isDead: (path: string) => boolean): void {
    this.answer = ({ path, verdictSeconds }) =>
      isDead(path) ? [{ alive: false, afterSeconds: verdictSeconds }] : [{ alive: true, afterSeconds: 0.03 }];
  }

  /** States that a path has had since a moment, in their order. */
  states(path: string, since = 0): PathState[] {
    const entered = this.history.get(path) ?? [];
    const before = entered.filter(({ at }) => at <= since).slice(-1);
    return [...before, ...entered.filter(({ at }) => at > since)].map(({ state }) => state);
  }

  /** When the path entered the state after a moment, in seconds after it. */
  enteredAfter(path: string, state: PathState, since: number): number {
    const found = this.history.get(path)?.find((entered) => entered.state === state && entered.at >= since);
    return found === undefined ? Number.POSITIVE_INFINITY : found.at - since;
  }

  /** When the reason was first told of the path after a moment, in seconds after it. */
  toldAfter(path: string, reason: Reason, since: number): number {
    const found = this.#told.find((told) => told.path === path && told.reason === reason && told.at >= since);
    return found === undefined ? Number.POSITIVE_INFINITY : found.at - since;
  }

  reasons(path: string): Reason[] {
    return [...(this.paths.get(path)?.reasons ?? [])].sort();
  }

  #note(name: string, state: PathState, reasons: readonly Reason[]): void {
    const entered = this.history.get(name) ?? [];
    if (entered.at(-1)?.state !== state) entered.push({ at: this.now, state, reasons });
    for (const reason of reasons) this.#told.push({ at: this.now, path: name, reason });
    this.history.set(name, entered);
  }
}

export const ETH = '10.77.1.1';
export const WLAN = '10.77.2.1';
export const LTE = '10.77.3.1';
export const SERVER_JOIN = SUBFLOW_FLAG.joinRemote | SUBFLOW_FLAG.fullyEstablished;
export const SERVER_INITIAL = SUBFLOW_FLAG.capableRemote | SUBFLOW_FLAG.fullyEstablished;
