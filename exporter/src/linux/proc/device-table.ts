import type { InterfaceCounters } from '../../mptcp/model.ts';
import { readText } from './read.ts';
import { parseTable, type Table } from './rows.ts';

const HEADINGS = [
  /^Inter-\|\s+Receive\s+\|\s+Transmit/,
  /^\s*face\s*\|bytes\s+packets\s+errs\s+drop\s.*\|bytes\s+packets/,
];

/** One interface of /proc/net/dev. */
export interface DeviceRow {
  readonly name: string;
  readonly counters: InterfaceCounters;
}

/**
 * The rows of /proc/net/dev (net/core/net-procfs.c). Its receive drops include what the hardware missed, which rtnetlink tells apart.
 * Throws {@link ExporterError} `malformed` when it is no such table.
 */
export function parseDeviceTable(text: string): Table<DeviceRow> {
  return parseTable('the table of interfaces', text, HEADINGS, parseRow);
}

/** Reads `${procfs}/net/dev`. Throws what {@link readText} and {@link parseDeviceTable} throw. */
export async function readDeviceTable(procfs: string): Promise<Table<DeviceRow>> {
  return parseDeviceTable(await readText(`${procfs}/net/dev`));
}

function parseRow(words: readonly string[]): DeviceRow | undefined {
  // Old kernels let the first number touch the colon; a name may hold a colon itself, a number never.
  const line = words.join(' ');
  const colon = line.lastIndexOf(':');
  const name = line.slice(0, Math.max(colon, 0));
  const numbers = line
    .slice(colon + 1)
    .trim()
    .split(' ');
  if (name === '' || name.length > 15 || name.includes(' ') || numbers.length !== 16) return undefined;
  if (!numbers.every((text) => /^\d{1,20}$/.test(text))) return undefined;
  const at = (column: number): number => Number(numbers[column]);
  return {
    name,
    counters: {
      receivedBytes: at(0),
      receiveErrors: at(2),
      receiveDropped: at(3),
      transmittedBytes: at(8),
      transmitErrors: at(10),
      transmitDropped: at(11),
    },
  };
}
