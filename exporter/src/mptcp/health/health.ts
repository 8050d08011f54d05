import type { Connection, Path, Snapshot, SocketAddress, Subflow } from '../model.ts';
import { UNKNOWN_PATH } from '../path-rules.ts';
import { Causes } from './causes.ts';
import { ConnectionWatch } from './connection-watch.ts';
import { countPresence, expectationsOf, type Outlook } from './expectations.ts';
import { Failovers } from './failovers.ts';
import { type EndedJoin, Joins } from './joins.ts';
import { Interfaces } from './links.ts';
import { PathWatch } from './path-watch.ts';
import type { HealthSettings } from './settings.ts';
import {
  type CheckRequest,
  type HealthInput,
  type HealthReport,
  type ObservedDuration,
  type PathTraffic,
  type SubflowHealthState,
  wasUsed,
} from './states.ts';
import { type Moment, SubflowWatch } from './subflow-watch.ts';

/** Paths beyond this many, judged or put aside, are judged as one: container hosts make interfaces by the thousand. */
const PATH_LIMIT = 512;

/** A path that nothing lists any more, but that was of use, is judged for so long: an unplugged stick is news. */
const NEWS_SECONDS = 3600;

/** Peers (address and port) remembered to speak MPTCP. */
const PEER_LIMIT = 1024;

/** Time for the kernel's clock to pass the threshold. */
const RIPE_SLACK_SECONDS = 0.02;

/**
 * The health of subflows and paths, judged look by look. Pure: time, sockets, events and the answers to checks come in, states,
 * wanted checks and measured durations go out. Holds one entry per open subflow and connection, and per path that was of use.
 */
export class Health {
  readonly #settings: HealthSettings;
  readonly #configured: ReadonlySet<string>;
  readonly #paths = new Map<string, PathWatch>();
  /** Paths that are judged no more: their counters go on when they come back. */
  readonly #former = new Map<string, PathWatch>();
  readonly #subflows = new Map<string | number, SubflowWatch>();
  readonly #connections = new Map<string | number, ConnectionWatch>();
  readonly #peers = new Set<string>();
  readonly #causes = new Causes();
  readonly #joins = new Joins();
  readonly #failovers = new Failovers();
  #interfaces = new Interfaces([]);
  #interfacesKnown = false;
  #looks = 0;

  /** `configuredPaths`: names of the paths that the user named, which are missed even when nothing was ever seen of them. */
  constructor(options: { readonly settings: HealthSettings; readonly configuredPaths: Iterable<string> }) {
    this.#settings = options.settings;
    this.#configured = new Set(options.configuredPaths);
  }

  /** The state of a subflow of the last look by its key. */
  stateOf(key: string | number): SubflowHealthState | undefined {
    return this.#subflows.get(key)?.state;
  }

  /** Entries held, for a test that none are left behind. */
  get held(): { readonly subflows: number; readonly connections: number; readonly paths: number } {
    const paths = this.#paths.size + this.#former.size;
    return { subflows: this.#subflows.size, connections: this.#connections.size, paths };
  }

  /**
   * Takes a look into account. When its sockets could not be read, all stays as it was: not seen is not gone. Looks must come
   * in the order of their time.
   */
  observe({ snapshot, totals, events = [], checks = [], probes }: HealthInput): HealthReport {
    const now = snapshot.monotonicSeconds;
    for (const check of checks) this.#paths.get(check.path)?.checks.learn(check);
    this.#causes.learn(events, snapshot.mib?.value, snapshot.endpoints?.value, now);
    this.#joins.learn(events, now);
    if (snapshot.sockets.value === undefined)
      return { subflows: [], paths: this.#paths, checks: [], durations: [], unsettled: false };
    this.#looks++;
    const moment: Moment = { now, look: this.#looks, settings: this.#settings };
    const housesChanged = this.#learnInterfaces(snapshot);
    for (const watch of this.#paths.values()) watch.begin();
    for (const { name } of snapshot.paths) this.#pathOf(name, moment);
    const watches = snapshot.sockets.value.subflows.map((one) => this.#observeSubflow(one, housesChanged, moment));
    const { connections } = snapshot.sockets.value;
    const seen = this.#observeConnections(connections, watches, moment);
    this.#settleJoins(snapshot, connections, seen);
    this.#forgetSubflows(moment);
    const expectations = expectationsOf(snapshot, (name) => this.#paths.get(name));
    const outlook: Outlook = { unsettled: false, ripensAt: Number.POSITIVE_INFINITY };
    for (const watch of seen) countPresence(watch, expectations, this.#causes, outlook, moment);
    const subflows = watches.map((watch) => watch.path.count(watch));
    const { requests, durations, ripensAt } = this.#judgePaths(snapshot, totals, probes, moment);
    const ripe = Math.min(ripensAt, outlook.ripensAt);
    return {
      subflows,
      paths: this.#paths,
      checks: requests,
      durations,
      unsettled: outlook.unsettled,
      ...(ripe < Number.POSITIVE_INFINITY && { lookAgainSeconds: Math.max(0, ripe - now) + RIPE_SLACK_SECONDS }),
    };
  }

  /** Whether addresses have come or gone. */
  #learnInterfaces({ interfaces }: Snapshot): boolean {
    if (interfaces.value === undefined) return false;
    const before = this.#interfaces.signature;
    this.#interfaces = new Interfaces(interfaces.value);
    this.#interfacesKnown = true;
    return this.#interfaces.signature !== before;
  }

  #pathOf(name: string, moment: Moment): PathWatch {
    const known = this.#paths.get(name) ?? this.#takeBack(name);
    if (known !== undefined) return known;
    if (name !== UNKNOWN_PATH && this.#paths.size + this.#former.size >= PATH_LIMIT)
      return this.#pathOf(UNKNOWN_PATH, moment);
    const watch = new PathWatch(name, this.#configured.has(name), this.#settings, moment.now);
    this.#paths.set(name, watch);
    return watch;
  }

  #takeBack(name: string): PathWatch | undefined {
    const watch = this.#former.get(name);
    if (watch === undefined) return undefined;
    this.#former.delete(name);
    this.#paths.set(name, watch);
    watch.begin();
    return watch;
  }

  /** Notes the joins that failed with their connections. */
  #settleJoins({ paths }: Snapshot, connections: readonly Connection[], seen: readonly ConnectionWatch[]): void {
    if (!this.#joins.pending) return;
    const byToken = new Map(connections.map(({ socket }, index) => [socket.token, seen[index]]));
    this.#joins.settle(({ token, localAddress, at, reason }: EndedJoin) => {
      const connection = byToken.get(token);
      if (connection === undefined) return false;
      for (const { name, addresses } of paths) {
        const path = addresses.includes(localAddress) ? this.#paths.get(name) : undefined;
        if (path !== undefined) connection.failJoin(path, at, reason);
      }
      return true;
    });
  }

  #observeSubflow(subflow: Subflow, housesChanged: boolean, moment: Moment): SubflowWatch {
    let watch = this.#subflows.get(subflow.key);
    const fresh = watch === undefined;
    if (watch === undefined) {
      watch = new SubflowWatch(subflow, this.#pathOf(subflow.path, moment), moment);
      this.#subflows.set(subflow.key, watch);
    } else if (watch.path.name !== subflow.path) watch.path = this.#pathOf(subflow.path, moment);
    if ((fresh || housesChanged) && this.#interfacesKnown)
      watch.house(this.#interfaces.own(subflow.socket.local.address));
    watch.look = moment.look;
    watch.observe(subflow, moment);
    return watch;
  }

  #observeConnections(
    connections: readonly Connection[],
    watches: readonly SubflowWatch[],
    moment: Moment,
  ): ConnectionWatch[] {
    const seen = connections.map((connection) => {
      let watch = this.#connections.get(connection.key);
      if (watch === undefined) {
        // What was there before the first look has tried its joins before.
        watch = new ConnectionWatch(connection, moment.now, moment.look === 1 ? 0 : this.#causes.joins);
        this.#connections.set(connection.key, watch);
      }
      watch.observe(connection, watches, moment);
      const fellBack = connection.socket.fallback === true;
      if (!connection.own && (!watch.known || fellBack)) this.#learnProtocol(watch, fellBack, connection.socket.remote);
      return watch;
    });
    if (this.#connections.size > connections.length) {
      for (const [key, { look }] of this.#connections) if (look !== moment.look) this.#connections.delete(key);
    }
    return seen;
  }

  /** A fallback tells of a middlebox only where MPTCP is known to be spoken: most servers do not speak it at all. */
  #learnProtocol(connection: ConnectionWatch, fallback: boolean, { address, port }: SocketAddress): void {
    const peer = `${address}:${port}`;
    if (connection.speaksMptcp && !connection.known) {
      connection.known = true;
      this.#peers.delete(peer);
      this.#peers.add(peer);
      if (this.#peers.size > PEER_LIMIT) forgetOldest(this.#peers);
      for (const { path } of connection.members) path.mptcpAt = Math.max(path.mptcpAt, connection.firstSeen);
    }
    if (!fallback) return;
    if (this.#peers.has(peer)) connection.fellBackAt ??= connection.firstSeen;
    if (connection.fellBackAt === undefined) return;
    for (const { path } of connection.members) {
      path.tally.fellBackAt = Math.max(path.tally.fellBackAt, connection.fellBackAt);
    }
  }

  /** Drops subflows that are gone, which a connection that goes on has lost. */
  #forgetSubflows({ look, now }: Moment): void {
    for (const [key, watch] of this.#subflows) {
      if (watch.look === look) continue;
      this.#subflows.delete(key);
      if (watch.owner?.look === look) watch.owner.lose(watch, now);
    }
  }

  #judgePaths(snapshot: Snapshot, totals: PathTraffic, probes: HealthInput['probes'], moment: Moment) {
    const listed = new Map(snapshot.paths.map((path) => [path.name, path]));
    const requests: CheckRequest[] = [];
    const durations: ObservedDuration[] = [];
    let ripensAt = Number.POSITIVE_INFINITY;
    for (const [name, watch] of this.#paths) {
      const path = listed.get(name);
      if (this.#isPast(watch, path, moment)) {
        this.#paths.delete(name);
        if (wasUsed(watch)) this.#former.set(name, watch.putAside());
        continue;
      }
      const wasBroken = watch.broken;
      watch.judge(path, this.#interfaces, totals, moment, probes?.get(name));
      if (watch.broken && !wasBroken) this.#failovers.begin(watch, this.#subflows.values(), moment);
      const request = watch.wantedCheck(moment);
      if (request !== undefined) requests.push(request);
      const seconds = watch.takeRecovery(moment.now);
      if (seconds !== undefined) durations.push({ kind: 'recovery', path: name, seconds });
      ripensAt = Math.min(ripensAt, watch.ripensAt(moment) ?? Number.POSITIVE_INFINITY);
    }
    durations.push(...this.#failovers.take(moment));
    return { requests, durations, ripensAt };
  }

  /** A path of no use: one that nothing lists, in the end, and one whose interface has another name but for closing subflows. */
  #isPast(watch: PathWatch, path: Path | undefined, { now }: Moment): boolean {
    if (watch.tally.open > 0 || watch.configured) return false;
    return (path === undefined && now - watch.wantedAt > NEWS_SECONDS) || watch.link.renamed(this.#interfaces);
  }
}

function forgetOldest(set: Set<string>): void {
  for (const oldest of set) {
    set.delete(oldest);
    return;
  }
}
