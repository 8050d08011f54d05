import type { ParsedExposition, ParsedSample } from '../../metrics/parse.ts';

/** A path, as `status` shows it. What is not known is absent. */
export interface StatusPath {
  readonly name: string;
  readonly interface?: string;
  readonly address?: string;
  readonly access?: string;
  readonly metered?: true;
  readonly state?: string;
  /** Unix time. */
  readonly sinceSeconds?: number;
  readonly reasons: readonly string[];
  readonly sendBytesPerSecond?: number;
  readonly receiveBytesPerSecond?: number;
  readonly sentBytes?: number;
  readonly receivedBytes?: number;
  /** Open subflows by state, those of which there are any. */
  readonly subflows: Readonly<Record<string, number>>;
}

/** A connection with an own series. */
export interface StatusConnection {
  readonly token: string;
  readonly remote: string;
  readonly subflows?: number;
  readonly sentBytes?: number;
  readonly receivedBytes?: number;
}

/** A subflow with an own series. */
export interface StatusSubflow {
  readonly token: string;
  readonly path: string;
  readonly local: string;
  readonly remote: string;
  readonly role?: string;
  readonly state?: string;
  readonly rttSeconds?: number;
  readonly sendBytesPerSecond?: number;
  readonly receiveBytesPerSecond?: number;
}

/** What `status` shows: the picture of one moment. */
export interface Status {
  /** Whether MPTCP's sockets could be read. */
  readonly up: boolean;
  readonly source?: string;
  readonly kernel?: string;
  readonly release?: string;
  readonly enabled?: boolean;
  /** Established or in between; those that fell back to plain TCP are counted apart. */
  readonly connectionCount: number;
  readonly fallbackCount: number;
  readonly paths: readonly StatusPath[];
  readonly connections: readonly StatusConnection[];
  readonly subflows: readonly StatusSubflow[];
  /** Subflows beyond those with series. */
  readonly hiddenSubflows: number;
}

type Labels = Readonly<Record<string, string>>;

/** Reads what an exporter exposes. */
export function statusOf(exposition: ParsedExposition): Status {
  const samples = (name: string): readonly ParsedSample[] => exposition.get(name) ?? [];
  const find = (name: string, wanted: Labels): ParsedSample | undefined =>
    samples(name).find(({ labels }) => Object.entries(wanted).every(([label, value]) => labels[label] === value));
  const value = (name: string, wanted: Labels = {}): number | undefined => find(name, wanted)?.value;
  const counted = samples('mptcp_connections').filter(({ labels }) => labels.state !== 'fallback');
  const enabled = value('mptcp_enabled');
  return {
    up: value('mptcp_up') === 1,
    ...present(samples('mptcp_source_info')[0]?.labels ?? {}, ['source', 'kernel', 'release']),
    ...(enabled !== undefined && { enabled: enabled === 1 }),
    connectionCount: counted.reduce((sum, sample) => sum + sample.value, 0),
    fallbackCount: value('mptcp_connections', { state: 'fallback' }) ?? 0,
    paths: pathNames(samples).map((path) => statusPath(path, samples, value)),
    connections: samples('mptcp_connection_subflows').map(({ labels, value: subflows }) => ({
      token: labels.token ?? '',
      remote: labels.remote ?? '',
      subflows,
      ...defined({
        sentBytes: value('mptcp_connection_sent_bytes_total', labels),
        receivedBytes: value('mptcp_connection_received_bytes_total', labels),
      }),
    })),
    subflows: samples('mptcp_subflow_info').map(({ labels }) => statusSubflow(labels, samples, value)),
    hiddenSubflows: value('mptcp_subflow_series_hidden') ?? 0,
  };
}

type Samples = (name: string) => readonly ParsedSample[];
type Value = (name: string, wanted?: Labels) => number | undefined;

/** Those there are now, and those that are missed. */
function pathNames(samples: Samples): readonly string[] {
  const named = ['mptcp_path_info', 'mptcp_path_state'].flatMap((name) =>
    samples(name).map(({ labels }) => labels.path ?? ''),
  );
  return [...new Set(named)];
}

function statusPath(path: string, samples: Samples, value: Value): StatusPath {
  const of = (name: string) => samples(name).filter(({ labels, value: is }) => labels.path === path && is > 0);
  const info = of('mptcp_path_info')[0]?.labels ?? {};
  const state = of('mptcp_path_state')[0]?.labels.state;
  return {
    name: path,
    ...present(info, ['interface', 'address', 'access']),
    ...(info.metered === 'true' && { metered: true }),
    ...(state !== undefined && { state }),
    reasons: of('mptcp_path_state_reason').map(({ labels }) => labels.reason ?? ''),
    ...defined({
      sinceSeconds: value('mptcp_path_last_change_timestamp_seconds', { path }),
      sendBytesPerSecond: value('mptcp_path_send_throughput_bytes_per_second', { path }),
      receiveBytesPerSecond: value('mptcp_path_receive_throughput_bytes_per_second', { path }),
      sentBytes: value('mptcp_path_sent_bytes_total', { path }),
      receivedBytes: value('mptcp_path_received_bytes_total', { path }),
    }),
    subflows: Object.fromEntries(
      of('mptcp_path_subflows').map(({ labels, value: count }) => [labels.state ?? '', count]),
    ),
  };
}

function statusSubflow(info: Labels, samples: Samples, value: Value): StatusSubflow {
  const { token = '', path = '', local = '', remote = '' } = info;
  const own = { token, path, local, remote };
  const state = samples('mptcp_subflow_state').find(
    ({ labels, value: is }) => is === 1 && labels.local === local && labels.remote === remote && labels.token === token,
  )?.labels.state;
  return {
    ...own,
    ...present(info, ['role']),
    ...(state !== undefined && { state }),
    ...defined({
      rttSeconds: value('mptcp_subflow_rtt_seconds', own),
      sendBytesPerSecond: value('mptcp_subflow_send_throughput_bytes_per_second', own),
      receiveBytesPerSecond: value('mptcp_subflow_receive_throughput_bytes_per_second', own),
    }),
  };
}

/** The labels of these names that are not empty. */
function present<Name extends string>(labels: Labels, names: readonly Name[]): Partial<Record<Name, string>> {
  const filled = names.flatMap((name) => (labels[name] ? [[name, labels[name]] as const] : []));
  return Object.fromEntries(filled) as Partial<Record<Name, string>>;
}

/** Without the fields that are not known. */
function defined<T extends object>(fields: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, each]) => each !== undefined)) as {
    [Key in keyof T]?: NonNullable<T[Key]>;
  };
}
