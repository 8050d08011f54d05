/** What latency probes ask: one small question a run, on every path by itself. */
export const LATENCY_TYPES = ['icmp', 'tcp', 'udp', 'tcp-echo'] as const;

/** What bulk probes move data with: rounds over the paths, one at a time over the whole exporter. */
export const BULK_TYPES = ['throughput', 'iperf3', 'transfer'] as const;

/** One of {@link LATENCY_TYPES}. */
export type LatencyType = (typeof LATENCY_TYPES)[number];

/** One of {@link BULK_TYPES}. */
export type BulkType = (typeof BULK_TYPES)[number];

/** A kind of probe; the `probe` label of its metrics. */
export type ProbeType = LatencyType | BulkType;

/** `up`: this machine sends. `down`: it receives. */
export type Direction = 'up' | 'down';

/** The pseudo-path of bulk probes that use all paths at once, over MPTCP. */
export const MPTCP_PATH = 'mptcp';

/** Whom a probe asks, as the user wrote it and taken apart. */
export interface ProbeTarget {
  /** The `target` label. */
  readonly text: string;
  /** A host name, or an address without brackets. */
  readonly host: string;
  /** Absent for `icmp` alone. */
  readonly port?: number;
}

/** When runs begin: every interval, or by a cron pattern in local time; each up to `jitterSeconds` later, at random. */
export type Timetable =
  | { readonly intervalSeconds: number; readonly jitterSeconds: number; readonly cron?: undefined }
  | { readonly cron: string; readonly jitterSeconds: number; readonly intervalSeconds?: undefined };

/** What every entry of `probes:` says. */
interface CommonSettings {
  readonly target: ProbeTarget;
  /** Names of paths; all when absent. `mptcp` is not among them. */
  readonly paths?: readonly string[];
  readonly timetable: Timetable;
  /** Of one run on one path (bulk: of one leg), from its begin to its kill. */
  readonly timeoutSeconds: number;
}

/** A latency probe. */
export interface LatencySettings extends CommonSettings {
  readonly type: LatencyType;
  /** Bytes of payload in each direction; 0 for `tcp`, which sends none. */
  readonly payloadBytes: number;
  /** Holds the reflector's token; a path. */
  readonly tokenFile?: string;
}

/** What bulk probes say besides. */
interface BulkCommon extends CommonSettings {
  readonly directions: readonly Direction[];
  /** Whether a round also has legs over MPTCP; default true. */
  readonly mptcp: boolean;
  /** Holds the reflector's token; a path. */
  readonly tokenFile?: string;
}

/** How fast data goes for some seconds, to our own reflector or to an iperf3 server. */
export interface ThroughputSettings extends BulkCommon {
  readonly type: 'throughput' | 'iperf3';
  /** Seconds that data flows in one leg. */
  readonly durationSeconds: number;
  /** Most payload of one leg; it ends sooner when that has been moved. */
  readonly maximumBytes?: number;
}

/** How long files of given sizes take. */
export interface TransferSettings extends BulkCommon {
  readonly type: 'transfer';
  readonly protocol: 'http' | 'ftp';
  /** Ascending. */
  readonly sizesBytes: readonly number[];
  /** FTP only; the path of a file that holds `user:password` on its first line. */
  readonly loginFile?: string;
}

/** A bulk probe. */
export type BulkSettings = ThroughputSettings | TransferSettings;

/** One entry of `probes:`. */
export type ProbeSettings = LatencySettings | BulkSettings;

/** Whether it is a bulk probe, which runs in rounds. */
export function isBulk(settings: ProbeSettings): settings is BulkSettings {
  return (BULK_TYPES as readonly string[]).includes(settings.type);
}

/** Most bytes, sent and received together, that probes may cost a path; absent: no bound. Days and months are local time's. */
export interface ByteBudget {
  readonly dayBytes?: number;
  readonly monthBytes?: number;
}

/** The section `probe_budget:`. */
export interface BudgetSettings extends ByteBudget {
  /** By path, instead of the budget for all. A metered path without an entry here has no bulk probes. */
  readonly paths: ReadonlyMap<string, ByteBudget>;
  /** Where the account is kept over restarts. */
  readonly stateFile: string;
}

/** No bound but for metered paths. The systemd unit's StateDirectory is there. */
export const DEFAULT_BUDGET: BudgetSettings = {
  paths: new Map(),
  stateFile: '/var/lib/mptcp-exporter/probe-budget.json',
};

/** Where our reflector listens, over TCP and UDP, unless told otherwise. */
export const DEFAULT_REFLECTOR_PORT = 10_263;
