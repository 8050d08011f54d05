import { endianness } from 'node:os';
import { ExporterError } from '../errors.ts';
import { loadLibc } from '../linux/libc.ts';
import { type GenericFamily, NETLINK_GENERIC, readPathManager, resolveFamily } from '../linux/netlink/mptcp-pm.ts';
import { NETLINK_ROUTE, readInterfaces } from '../linux/netlink/route.ts';
import { NETLINK_SOCK_DIAG } from '../linux/netlink/sock-diag.ts';
import { NetlinkSocket } from '../linux/netlink/socket.ts';
import { SocketTables } from '../linux/netlink/sockets.ts';
import { openReceiver, openTransport, type Transport } from '../linux/netlink/transport.ts';
import { readMib } from '../linux/proc/netstat.ts';
import { readSysctls } from '../linux/proc/sysctl.ts';
import type { Capability, Failure, Incident, Part, PathManager, Reading, SourceEvent } from '../mptcp/model.ts';
import { judgeCapabilities } from './capabilities.ts';
import { KernelEvents, type Listen } from './netlink-events.ts';
import { outcome } from './outcome.ts';
import type { Source } from './source.ts';

/** What the netlink source is opened with. */
export interface NetlinkSourceOptions {
  /** Where /proc is, for counters and sysctls. */
  readonly procfs: string;
  /** Most time for one dump; 5 s unless told. */
  readonly timeoutMs?: number;
  /** Opens a descriptor of a netlink protocol; for tests, else through libc. */
  readonly connect?: (protocol: number) => Transport;
  /** Opens a descriptor that events arrive at; for tests, beside `connect`, without which there are no events then. */
  readonly listen?: Listen;
}

/** How descriptors are opened. */
type Wiring = Required<Pick<NetlinkSourceOptions, 'connect' | 'listen'>>;

/** Most bytes of one dump: a million subflows. */
const DUMP_BYTES = 512 * 1024 * 1024;
/** Most incidents remembered between two readings. */
const MAX_INCIDENTS = 10_000;

/**
 * The source for upstream kernels: sock_diag, mptcp_pm and rtnetlink. Throws {@link ExporterError}: `ffi_unavailable`
 * where libc cannot be called, by errno where netlink sockets are not allowed.
 */
export async function openNetlinkSource(options: NetlinkSourceOptions): Promise<Source> {
  if (endianness() !== 'LE') {
    throw new ExporterError('not_supported', 'the netlink source reads little-endian kernels only', {
      remedy: 'Use --source=ss.',
    });
  }
  return new NetlinkSource(options, await wiring(options));
}

async function wiring({ connect, listen = noEvents }: NetlinkSourceOptions): Promise<Wiring> {
  if (connect !== undefined) return { connect, listen };
  const libc = await loadLibc();
  return {
    connect: (protocol) => openTransport(libc, protocol),
    listen: (protocol, groups, onReadable) => openReceiver(libc, protocol, groups, onReadable),
  };
}

function noEvents(): never {
  throw new ExporterError('not_supported', 'there is no kernel that tells events here');
}

class NetlinkSource implements Source {
  readonly name = 'netlink';
  readonly kernel = 'upstream';
  readonly #procfs: string;
  readonly #diag: SocketTables;
  readonly #route: NetlinkSocket;
  readonly #generic: NetlinkSocket;
  readonly #capabilities = new Map<Capability, boolean>();
  /** What has happened since the last reading was handed out. */
  #incidents: Incident[] = [];
  #family: GenericFamily | undefined;
  readonly #listen: Listen;
  #events: KernelEvents | undefined;
  #closed = false;

  constructor({ procfs, timeoutMs = 5_000 }: NetlinkSourceOptions, { connect, listen }: Wiring) {
    const limits = { milliseconds: timeoutMs, bytes: DUMP_BYTES };
    const socket = (part: Part, protocol: number): NetlinkSocket =>
      new NetlinkSocket({
        connect: () => connect(protocol),
        onIncident: (code) => this.#note({ part, code }),
        limits,
      });
    this.#procfs = procfs;
    this.#listen = listen;
    this.#diag = new SocketTables(() => socket('sockets', NETLINK_SOCK_DIAG));
    this.#route = socket('interfaces', NETLINK_ROUTE);
    this.#generic = socket('endpoints', NETLINK_GENERIC);
    this.#diag.open(); // so that a sandbox without netlink shows now, while another source can still be chosen
  }

  async read(parts: ReadonlySet<Part>): Promise<Reading> {
    const sockets = await outcome(() => this.#diag.read());
    const monotonicSeconds = performance.now() / 1000;
    const refused = sockets.value?.connectionsFailure;
    if (refused !== undefined) this.#note({ part: 'sockets', code: refused.code });
    const interfaces = await outcome(() => readInterfaces(this.#route));
    const endpoints = parts.has('endpoints') ? await outcome(() => this.#readPathManager()) : undefined;
    const mib = parts.has('mib') ? await outcome(() => readMib(this.#procfs)) : undefined;
    const sysctl = parts.has('sysctl') ? await outcome(() => readSysctls(this.#procfs)) : undefined;
    const evidence = { sockets, interfaces, ...(endpoints && { endpoints }), ...(mib && { mib }) };
    judgeCapabilities(this.#capabilities, evidence);
    const told = this.#events?.complete;
    if (told !== undefined) this.#capabilities.set('events', told);
    const incidents = this.#incidents;
    this.#incidents = [];
    return {
      source: this.name,
      kernel: this.kernel,
      monotonicSeconds,
      ...evidence,
      ...(sysctl && { sysctl }),
      capabilities: new Map(this.#capabilities),
      incidents,
    };
  }

  async subscribe(listener: (events: readonly SourceEvent[]) => void): Promise<Failure | undefined> {
    if (this.#closed) return { code: 'interrupted', message: 'the netlink source was closed' };
    this.#events?.close(); // one subscriber at a time
    this.#events = new KernelEvents({
      listen: this.#listen,
      resolveFamily: () => resolveFamily(this.#generic),
      listener,
      onIncident: (incident) => this.#note(incident),
    });
    return this.#events.open();
  }

  close(): void {
    this.#closed = true;
    this.#events?.close();
    this.#diag.close();
    this.#route.close();
    this.#generic.close();
  }

  #note(incident: Incident): void {
    if (this.#incidents.length < MAX_INCIDENTS) this.#incidents.push(incident);
  }

  /** Looks the family up once, and again after a failure: its number changes when the module is loaded anew. */
  async #readPathManager(): Promise<PathManager> {
    try {
      this.#family ??= await resolveFamily(this.#generic);
      return await readPathManager(this.#generic, this.#family);
    } catch (error) {
      this.#family = undefined;
      throw error;
    }
  }
}
