/**
 * The domain's nouns. Units are in the names; a field that this kernel or source cannot report is absent, never 0.
 *
 * Two steps: a source fills a {@link Reading} with records as it found them; `assemble` joins it into a {@link Snapshot}.
 * This folder imports nothing, so that every judgement in it can be tested with plain objects.
 */

/** TCP states by their names in include/net/tcp_states.h; the MPTCP socket uses the same ones. */
export type TcpState =
  | 'established'
  | 'syn_sent'
  | 'syn_received'
  | 'fin_wait_1'
  | 'fin_wait_2'
  | 'time_wait'
  | 'closed'
  | 'close_wait'
  | 'last_ack'
  | 'listen'
  | 'closing'
  | 'new_syn_received';

/** {@link TcpState} by the kernel's number (1 = established). */
export const TCP_STATES: readonly (TcpState | undefined)[] = [
  undefined,
  'established',
  'syn_sent',
  'syn_received',
  'fin_wait_1',
  'fin_wait_2',
  'time_wait',
  'closed',
  'close_wait',
  'last_ack',
  'listen',
  'closing',
  'new_syn_received',
];

/** An IP address and port. IPv4-mapped IPv6 addresses are written as IPv4; IPv6 follows RFC 5952, without brackets or zone. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * What `struct tcp_info` (uapi/linux/tcp.h) tells of one TCP socket, in base units. A source may compute a value only
 * when it is asked for, so take what you keep.
 */
export interface TcpInfo {
  /** Payload handed to the network, every retransmission counted again (tcpi_bytes_sent). */
  readonly sentBytes?: number | undefined;
  /** Acknowledged by the peer; counts the SYN and the FIN as one byte each (tcpi_bytes_acked). */
  readonly acknowledgedBytes?: number | undefined;
  /** Received in order; counts the FIN as one byte (tcpi_bytes_received). */
  readonly receivedBytes?: number | undefined;
  readonly retransmittedBytes?: number | undefined;
  readonly rttSeconds?: number | undefined;
  readonly rttVariationSeconds?: number | undefined;
  readonly minRttSeconds?: number | undefined;
  /** tcpi_snd_cwnd times tcpi_snd_mss. */
  readonly congestionWindowBytes?: number | undefined;
  readonly unacknowledgedSegments?: number | undefined;
  readonly lostSegments?: number | undefined;
  readonly deliveryRateBytesPerSecond?: number | undefined;
  readonly pacingRateBytesPerSecond?: number | undefined;
  readonly busySeconds?: number | undefined;
  readonly receiveWindowLimitedSeconds?: number | undefined;
  readonly sendBufferLimitedSeconds?: number | undefined;
  /** Ages, by the kernel's clock at the time of the reading. */
  readonly lastDataSentSeconds?: number | undefined;
  readonly lastDataReceivedSeconds?: number | undefined;
  readonly lastAcknowledgementSeconds?: number | undefined;
  readonly retransmissionTimeoutSeconds?: number | undefined;
  /** How often the retransmission timer has doubled in a row. */
  readonly backoff?: number | undefined;
  /** INET_DIAG_CONG: `cubic`, `bbr`, … */
  readonly congestionControl?: string | undefined;
}

/** Bits of MPTCP_SUBFLOW_ATTR_FLAGS (uapi/linux/mptcp.h); the letter is the one that `ss` prints. */
export const SUBFLOW_FLAG = {
  capableRemote: 1 << 0, // M
  capableLocal: 1 << 1, // m
  joinRemote: 1 << 2, // J
  joinLocal: 1 << 3, // j
  backupRemote: 1 << 4, // B
  backupLocal: 1 << 5, // b
  fullyEstablished: 1 << 6, // e
  connected: 1 << 7, // c
  mapValid: 1 << 8, // v
} as const;

/** Record: one MPTCP socket (`struct mptcp_info`, uapi/linux/mptcp.h), the connection that an application holds. */
export interface ConnectionRecord {
  readonly state: TcpState;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly inode?: number | undefined;
  /** Unique per socket for the life of the kernel; exact below 2^53, which the kernel's counter does not reach. */
  readonly cookie?: number | undefined;
  /** The local token, the join key; absent where the kernel hides it. */
  readonly token?: number | undefined;
  /** The connection fell back to plain TCP (RFC 8684 section 3.7). */
  readonly fallback?: boolean | undefined;
  readonly remoteKeyReceived?: boolean | undefined;
  /** Subflows besides the initial one (mptcpi_subflows). */
  readonly additionalSubflows?: number | undefined;
  /** All open subflows, the initial one included (6.8 and later, or the out-of-tree kernel). */
  readonly totalSubflows?: number | undefined;
  readonly sentBytes?: number | undefined;
  readonly acknowledgedBytes?: number | undefined;
  readonly receivedBytes?: number | undefined;
  readonly retransmittedBytes?: number | undefined;
  readonly lastDataSentSeconds?: number | undefined;
  readonly lastDataReceivedSeconds?: number | undefined;
  readonly lastAcknowledgementSeconds?: number | undefined;
  /** Bytes written but not yet acknowledged, at the data level. */
  readonly sendQueueBytes?: number | undefined;
  /** Bytes received but not yet read by the application. */
  readonly receiveQueueBytes?: number | undefined;
}

/** Record: one TCP socket that is a subflow. Plain TCP sockets never become one. */
export interface SubflowRecord {
  readonly state: TcpState;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** Device the socket is bound to, by index (netlink) or by name (ss); absent when it is not bound. */
  readonly boundInterfaceIndex?: number | undefined;
  readonly boundInterfaceName?: string | undefined;
  /** Shared with the subflow's MPTCP socket. */
  readonly inode?: number | undefined;
  readonly cookie?: number | undefined;
  /** Token of the connection it belongs to: the join key. */
  readonly token?: number | undefined;
  readonly localId?: number | undefined;
  readonly remoteId?: number | undefined;
  /** Bits of {@link SUBFLOW_FLAG}. */
  readonly flags?: number | undefined;
  /** Bytes handed to TCP but not yet acknowledged. */
  readonly sendQueueBytes?: number | undefined;
  readonly tcp: TcpInfo;
}

/** One address of an interface, zone and prefix left off the address itself. */
export interface InterfaceAddress {
  readonly address: string;
  readonly prefixLength: number;
  /** rtnetlink scope: `global`, `link`, `host`, `site`; absent where the source cannot tell. */
  readonly scope?: string;
}

/** Interface counters (`struct rtnl_link_stats64`), since the interface was made. */
export interface InterfaceCounters {
  readonly receivedBytes: number;
  readonly transmittedBytes: number;
  readonly receiveDropped: number;
  readonly transmitDropped: number;
  readonly receiveErrors: number;
  readonly transmitErrors: number;
}

/** Record: one network interface of this network namespace. */
export interface NetworkInterface {
  readonly name: string;
  readonly index?: number;
  readonly loopback: boolean;
  /** Administratively up (IFF_UP). */
  readonly up?: boolean;
  readonly carrier?: boolean;
  readonly carrierChanges?: number;
  readonly addresses: readonly InterfaceAddress[];
  readonly counters?: InterfaceCounters;
}

/** Record: one endpoint of the in-kernel path manager (mptcp_pm GET_ADDR). */
export interface PathManagerEndpoint {
  readonly id: number;
  readonly address: string;
  readonly port?: number;
  readonly interfaceIndex?: number;
  readonly interfaceName?: string;
  /** `signal`, `subflow`, `backup`, `fullmesh`, `implicit`, `laminar`, in the order of their bits; unknown bits as `0x40`. */
  readonly flags: readonly string[];
}

/** Record: limits of the in-kernel path manager (mptcp_pm GET_LIMITS). */
export interface PathManagerLimits {
  /** Most additional subflows per connection. */
  readonly subflows: number;
  /** Most ADD_ADDR announcements accepted per connection. */
  readonly addAddrAccepted: number;
}

/** Record: endpoints and limits, which are read together. */
export interface PathManager {
  readonly endpoints: readonly PathManagerEndpoint[];
  readonly limits?: PathManagerLimits;
}

/** Record: the `net.mptcp` sysctls. */
export interface Sysctls {
  readonly enabled?: boolean;
  readonly scheduler?: string;
  readonly pathManager?: string;
  /** Every numeric sysctl by its own name (`add_addr_timeout`, …), `enabled` included. */
  readonly numeric: ReadonlyMap<string, number>;
}

/** MPTcpExt counters by the kernel's own name, unknown names too. */
export type Mib = ReadonlyMap<string, number>;

/** The kernels that speak MPTCP: mainline since 5.6, or multipath-tcp.org's v0.8x to v0.96. */
export type KernelKind = 'upstream' | 'out-of-tree';

/** The three ways to read the kernel. */
export type SourceName = 'netlink' | 'ss' | 'procfs';

/** What a kernel, a source and our privileges can or cannot report; the values of `mptcp_capability{capability}`. */
export const CAPABILITIES = [
  'connection_bytes', // byte counters of the connection itself (6.5)
  'connection_ages', // last data and acknowledgement ages of the connection (6.10)
  'subflow_bytes',
  'subflow_rtt',
  'subflow_ages', // last acknowledgement and data, by which a path is judged stalled or silent
  'subflow_token', // subflows name their connection exactly
  'subflow_ids', // address ids and flags
  'endpoints',
  'limits',
  'mib',
  'interface_carrier',
  'events', // the kernel tells of closes, path-manager events and interface changes by itself
] as const;

/** One of {@link CAPABILITIES}. */
export type Capability = (typeof CAPABILITIES)[number];

/** The parts of a reading, each of which can fail without the others; also the `collector` label of its errors. */
export const PARTS = ['sockets', 'interfaces', 'endpoints', 'mib', 'sysctl'] as const;

/** One of {@link PARTS}. */
export type Part = (typeof PARTS)[number];

/** Why a part could not be read: a stable code and one line for people. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** A part that was read, or why not: a failed read is not an empty one. */
export type Outcome<T> =
  | { readonly value: T; readonly failure?: undefined }
  | { readonly failure: Failure; readonly value?: undefined };

/** The sockets of one reading. Listening sockets and plain TCP are left out. */
export interface SocketRecords {
  readonly connections: readonly ConnectionRecord[];
  readonly subflows: readonly SubflowRecord[];
  /** Set when this kernel lists subflows but not connections (5.7 to 5.9): then there is no telling how many there are. */
  readonly connectionsFailure?: Failure;
}

/** Something that went wrong in a reading and was repaired (a dump repeated, a row skipped), to be counted. */
export interface Incident {
  readonly part: Part;
  readonly code: string;
}

/** Record: a TCP socket was destroyed, with its last counters (sock_diag SKNLGRP_INET_TCP_DESTROY and INET6); plain TCP too. */
export interface CloseRecord {
  readonly cookie?: number | undefined;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly tcp: TcpInfo;
}

/** Names of mptcp_pm events (uapi/linux/mptcp_pm.h, enum mptcp_event_type). */
export const PATH_MANAGER_EVENTS = [
  'created',
  'established',
  'closed',
  'announced',
  'removed',
  'subflow_established',
  'subflow_closed',
  'subflow_priority',
  'listener_created',
  'listener_closed',
] as const;

/** Record: an mptcp_pm event. What the kernel did not say is absent. */
export interface PathManagerEvent {
  readonly name: (typeof PATH_MANAGER_EVENTS)[number];
  readonly token?: number;
  readonly local?: SocketAddress;
  readonly remote?: SocketAddress;
  readonly localId?: number;
  readonly remoteId?: number;
  readonly interfaceIndex?: number;
  /** errno that ended the subflow. */
  readonly error?: number;
  readonly resetReason?: number;
  readonly serverSide?: boolean;
}

/** What a source tells by itself, between readings. `overrun`: some were lost, so look anew. */
export type SourceEvent =
  | { readonly kind: 'close'; readonly close: CloseRecord }
  | { readonly kind: 'path_manager'; readonly event: PathManagerEvent }
  | { readonly kind: 'interfaces' }
  | { readonly kind: 'overrun'; readonly part: Part };

/** One look at the kernel through one source, before anything is joined. A part that was not asked for is absent. */
export interface Reading {
  readonly source: SourceName;
  readonly kernel: KernelKind;
  /** As `uname -r` prints it. */
  readonly kernelRelease?: string;
  /** Monotonic clock at the moment the sockets had been read. */
  readonly monotonicSeconds: number;
  readonly sockets: Outcome<SocketRecords>;
  readonly interfaces: Outcome<readonly NetworkInterface[]>;
  readonly endpoints?: Outcome<PathManager>;
  readonly mib?: Outcome<Mib>;
  readonly sysctl?: Outcome<Sysctls>;
  /** What is known so far; a capability that cannot be judged yet (no socket seen) is absent. */
  readonly capabilities: ReadonlyMap<Capability, boolean>;
  readonly incidents: readonly Incident[];
}

/** Kind of access network, as the user names it: `ethernet`, `wifi`, `lte`, `5g`, `dsl`, … */
export type AccessTechnology = string;

/** A path by configuration: the first rule whose every given criterion matches a subflow names its path. */
export interface PathRule {
  readonly name: string;
  readonly interface?: string;
  /** CIDR that the subflow's local address lies in; of several, any. */
  readonly local?: string | readonly string[];
  /** CIDR that the subflow's remote address lies in; of several, any. */
  readonly remote?: string | readonly string[];
  readonly access?: AccessTechnology;
  readonly metered?: boolean;
}

/** How a subflow came to be: by MP_CAPABLE or by MP_JOIN (RFC 8684 section 3). */
export type SubflowRole = 'initial' | 'join';

/** A subflow that has found its connection, interface and path. The record is held, not copied: there may be thousands. */
export interface Subflow {
  readonly socket: SubflowRecord;
  /** Identity over time: the cookie where there is one, else addresses and token. */
  readonly key: string | number;
  readonly path: string;
  /** Absent when no interface owns the local address any more. */
  readonly interfaceName?: string | undefined;
  readonly role?: SubflowRole | undefined;
  /** Either end asked for it to be used only as a backup. */
  readonly backup?: boolean | undefined;
  /** Index into {@link Snapshot.connections}; absent for an orphan, whose MPTCP socket was not in the same reading. */
  readonly connection?: number | undefined;
}

/** An MPTCP connection with its subflows. */
export interface Connection {
  readonly socket: ConnectionRecord;
  readonly key: string | number;
  /** Indices into {@link Snapshot.subflows}. */
  readonly subflows: readonly number[];
  /** One of this exporter's own probes, which says nothing of how the user's connections are. */
  readonly own: boolean;
}

/** A path: what a user calls one of their uplinks. */
export interface Path {
  readonly name: string;
  /** Interfaces it runs over now: the configured one, or those its subflows use. */
  readonly interfaceName?: string;
  readonly addresses: readonly string[];
  readonly access?: AccessTechnology;
  readonly metered?: boolean;
  readonly backup?: boolean;
  readonly endpointIds: readonly number[];
}

/** The sockets of one look, joined. */
export interface JoinedSockets {
  readonly connections: readonly Connection[];
  readonly subflows: readonly Subflow[];
  /** As in {@link SocketRecords}. */
  readonly connectionsFailure?: Failure;
}

/** One joined look at the kernel; what every later stage works on. */
export interface Snapshot extends Omit<Reading, 'sockets'> {
  readonly sockets: Outcome<JoinedSockets>;
  /** Configured paths always, discovered ones while there is something to say about them. */
  readonly paths: readonly Path[];
}
