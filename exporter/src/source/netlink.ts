import { endianness } from 'node:os';
import { ExporterError } from '../errors.ts';
import { loadLibc } from '../linux/libc.ts';
import { type GenericFamily, NETLINK_GENERIC, readPathManager, resolveFamily } from '../linux/netlink/mptcp-pm.ts';
import { NETLINK_ROUTE, readInterfaces } from '../linux/netlink/route.ts';
import { NETLINK_SOCK_DIAG } from '../linux/netlink/sock-diag.ts';
import { NetlinkSocket } from '../linux/netlink/socket.ts';
import { readSockets } from '../linux/netlink/sockets.ts';
import { openTransport, type Transport } from '../linux/netlink/transport.ts';
import { readMib } from '../linux/proc/netstat.ts';
import { readSysctls } from '../linux/proc/sysctl.ts';
import type { Capability, Incident, Part, PathManager, Reading } from '../mptcp/model.ts';
import { judgeCapabilities } from './capabilities.ts';
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
}

/** Most bytes of one dump: a million subflows. */
const DUMP_BYTES = 512 * 1024 * 1024;

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
  return new NetlinkSource(options, options.connect ?? (await connectThroughLibc()));
}

async function connectThroughLibc(): Promise<(protocol: number) => Transport> {
  const libc = await loadLibc();
  return (protocol) => openTransport(libc, protocol);
}

class NetlinkSource implements Source {
  readonly name = 'netlink';
  readonly kernel = 'upstream';
  readonly #procfs: string;
  readonly #diag: NetlinkSocket;
  readonly #route: NetlinkSocket;
  readonly #generic: NetlinkSocket;
  readonly #capabilities = new Map<Capability, boolean>();
  /** What has happened since the last reading was handed out. */
  #incidents: Incident[] = [];
  #family: GenericFamily | undefined;

  constructor({ procfs, timeoutMs = 5_000 }: NetlinkSourceOptions, connect: (protocol: number) => Transport) {
    const limits = { milliseconds: timeoutMs, bytes: DUMP_BYTES };
    const socket = (part: Part, protocol: number): NetlinkSocket =>
      new NetlinkSocket({
        connect: () => connect(protocol),
        onIncident: (code) => this.#incidents.push({ part, code }),
        limits,
      });
    this.#procfs = procfs;
    this.#diag = socket('sockets', NETLINK_SOCK_DIAG);
    this.#route = socket('interfaces', NETLINK_ROUTE);
    this.#generic = socket('endpoints', NETLINK_GENERIC);
    this.#diag.open(); // so that a sandbox without netlink shows now, while another source can still be chosen
  }

  async read(parts: ReadonlySet<Part>): Promise<Reading> {
    const sockets = await outcome(() => readSockets(this.#diag));
    const monotonicSeconds = performance.now() / 1000;
    const refused = sockets.value?.connectionsFailure;
    if (refused !== undefined) this.#incidents.push({ part: 'sockets', code: refused.code });
    const interfaces = await outcome(() => readInterfaces(this.#route));
    const endpoints = parts.has('endpoints') ? await outcome(() => this.#readPathManager()) : undefined;
    const mib = parts.has('mib') ? await outcome(() => readMib(this.#procfs)) : undefined;
    const sysctl = parts.has('sysctl') ? await outcome(() => readSysctls(this.#procfs)) : undefined;
    const evidence = { sockets, interfaces, ...(endpoints && { endpoints }), ...(mib && { mib }) };
    judgeCapabilities(this.#capabilities, evidence);
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

  close(): void {
    this.#diag.close();
    this.#route.close();
    this.#generic.close();
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
