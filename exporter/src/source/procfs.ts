import { ExporterError } from '../errors.ts';
import { readInterfaces } from '../linux/proc/interfaces.ts';
import { kernelKind } from '../linux/proc/kernel.ts';
import { readSnmp } from '../linux/proc/mptcp-snmp.ts';
import { readMptcpTable } from '../linux/proc/mptcp-table.ts';
import { selectSubflows } from '../linux/proc/subflows.ts';
import { readSysctls } from '../linux/proc/sysctl.ts';
import { readTcpTables } from '../linux/proc/tcp-table.ts';
import type { Capability, Incident, Mib, Outcome, Part, Reading, SocketRecords } from '../mptcp/model.ts';
import { outcome } from './outcome.ts';
import type { Source } from './source.ts';

/** Which tree to read; `/proc` for the running kernel. */
export interface ProcfsOptions {
  readonly procfs: string;
}

/** What the out-of-tree kernel's tables never tell. Its path managers have no endpoints and limits of upstream's kind. */
const NEVER: readonly Capability[] = [
  'connection_bytes',
  'connection_ages',
  'subflow_bytes',
  'subflow_rtt',
  'subflow_ages',
  'subflow_token',
  'subflow_ids',
  'endpoints',
  'limits',
  'interface_carrier',
];

/**
 * The source for the out-of-tree kernel of multipath-tcp.org (v0.86 to v0.96), which has no MPTCP socket dumps: its tables under
 * `procfs`. Reading them is bounded by their size. Throws {@link ExporterError} `not_supported` for any other kernel.
 */
export async function openProcfsSource({ procfs }: ProcfsOptions): Promise<Source> {
  const kind = await kernelKind(procfs);
  if (kind !== 'out-of-tree') {
    const found = kind === 'upstream' ? 'this kernel has upstream MPTCP' : `there is no MPTCP under ${procfs}`;
    throw new ExporterError('not_supported', `the procfs source reads the out-of-tree MPTCP kernel, and ${found}`, {
      remedy: 'Use --source=auto.',
    });
  }
  let hasMib: boolean | undefined;

  const read = async (parts: ReadonlySet<Part>): Promise<Reading> => {
    const incidents: Incident[] = [];
    const skipped = (part: Part, rows: number): void => {
      for (let row = 0; row < rows; row++) incidents.push({ part, code: 'malformed' });
    };
    const sockets = await outcome(() => readSockets(procfs, skipped));
    const monotonicSeconds = performance.now() / 1000;
    const interfaces = await outcome(async () => {
      const { rows, malformed } = await readInterfaces(procfs);
      skipped('interfaces', malformed);
      return rows;
    });
    const mib = parts.has('mib') ? await readCounters(procfs, skipped) : undefined;
    if (parts.has('mib')) hasMib = mib === undefined ? false : mib.failure === undefined || hasMib;
    const sysctl = parts.has('sysctl') ? await outcome(() => readSysctls(procfs)) : undefined;
    return {
      source: 'procfs',
      kernel: 'out-of-tree',
      monotonicSeconds,
      sockets,
      interfaces,
      ...(mib && { mib }),
      ...(sysctl && { sysctl }),
      capabilities: capabilities(hasMib),
      incidents,
    };
  };
  return { name: 'procfs', kernel: 'out-of-tree', read, close: () => undefined };
}

type Skipped = (part: Part, rows: number) => void;

async function readSockets(procfs: string, skipped: Skipped): Promise<SocketRecords> {
  // Connections first: a subflow of one that opens in between is left out, instead of looking like a connection without subflows.
  const connections = await readMptcpTable(procfs);
  skipped('sockets', connections.malformed);
  const tcp = await readTcpTables(procfs);
  skipped('sockets', tcp.malformed);
  return { connections: connections.rows, subflows: selectSubflows(connections.rows, tcp.rows) };
}

/** Undefined on the older releases that have no counters: nothing to report is not a failure. */
async function readCounters(procfs: string, skipped: Skipped): Promise<Outcome<Mib> | undefined> {
  const mib = await outcome(async () => {
    const snmp = await readSnmp(procfs);
    skipped('mib', snmp.malformed);
    return snmp.mib;
  });
  return mib.failure?.code === 'not_supported' ? undefined : mib;
}

function capabilities(hasMib: boolean | undefined): ReadonlyMap<Capability, boolean> {
  const known = new Map<Capability, boolean>(NEVER.map((capability) => [capability, false]));
  if (hasMib !== undefined) known.set('mib', hasMib);
  return known;
}
