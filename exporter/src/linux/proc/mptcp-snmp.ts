import type { Mib } from '../../mptcp/model.ts';
import { COUNTER_NAME, parseCounter } from './netstat.ts';
import { readText } from './read.ts';
import { parseTable } from './rows.ts';

/** The out-of-tree kernel's counters that mean what an upstream one of another name means (net/mptcp/mib.c). */
const UPSTREAM_NAMES: ReadonlyMap<string, string> = new Map([
  ['AddAddrRx', 'AddAddr'],
  ['RemAddrRx', 'RmAddr'],
  ['RemAddrTx', 'RmAddrTx'],
  ['MPFastcloseRX', 'MPFastcloseRx'],
  ['MPFastcloseTX', 'MPFastcloseTx'],
  ['MPFailRX', 'MPFailRx'],
  ['MPCsumFail', 'DataCsumErr'],
]);

/** {@link Mib} with the lines that could not be read counted. */
export interface SnmpReading {
  readonly mib: Mib;
  readonly malformed: number;
}

/**
 * The counters of /proc/net/mptcp_net/snmp (net/mptcp/mptcp_ctrl.c, mptcp_snmp_seq_show: a name and a number a line), by upstream's
 * name where the meaning is the same. Throws {@link ExporterError} `malformed` when there are lines and none can be read.
 */
export function parseSnmp(text: string): SnmpReading {
  const { rows, malformed } = parseTable('the table of MPTCP counters', text, [], parseRow);
  const kernelNames = new Set(rows.map(([name]) => name));
  const mib = new Map<string, number>();
  for (const [name, value] of rows) {
    const upstream = UPSTREAM_NAMES.get(name);
    mib.set(upstream === undefined || kernelNames.has(upstream) ? name : upstream, value);
  }
  return { mib, malformed };
}

/** Reads `${procfs}/net/mptcp_net/snmp`, which releases before v0.90 lack. Throws what {@link readText} and {@link parseSnmp} throw. */
export async function readSnmp(procfs: string): Promise<SnmpReading> {
  return parseSnmp(await readText(`${procfs}/net/mptcp_net/snmp`));
}

function parseRow([name, text, surplus]: readonly string[]): readonly [string, number] | undefined {
  if (name === undefined || text === undefined || surplus !== undefined || !COUNTER_NAME.test(name)) return undefined;
  const value = parseCounter(text);
  return value === undefined ? undefined : [name, value];
}
