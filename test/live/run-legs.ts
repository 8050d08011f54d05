import { createInterface } from 'node:readline';
import type { BulkSettings } from '../../exporter/src/config/probes/settings.ts';
import { loadLibc } from '../../exporter/src/linux/libc.ts';
import { run } from '../../exporter/src/linux/tool/exec.ts';
import { PROBES } from '../../exporter/src/probe/list.ts';
import type { Leg, LegRun } from '../../exporter/src/probe/probe.ts';
import { failureOf } from '../../exporter/src/probe/reasons.ts';
import { openSockets } from '../support/descriptors.ts';

// The program that tests of bulk probes run inside a lab: runs each leg that comes as a JSON line, and prints what it brought,
// what it told the meter by path, and the sockets that are open afterwards.

/** A line of its input. */
export interface LegOrder {
  readonly settings: BulkSettings;
  readonly leg: Leg;
  readonly path: string;
  /** Absent: over MPTCP. */
  readonly interfaceName?: string;
  readonly localAddress?: string;
  readonly address: string;
  /** Of the budget; absent: no bound. */
  readonly remaining?: number;
  readonly abortAfterMs?: number;
  /** Names of paths by local address. */
  readonly paths: Readonly<Record<string, string>>;
}

const libc = await loadLibc();
const print = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
print({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const { paths, remaining = Number.POSITIVE_INFINITY, abortAfterMs, ...order } = JSON.parse(line) as LegOrder;
  const probe = PROBES.get(order.settings.type);
  if (probe?.kind !== 'bulk') throw new Error(`${order.settings.type} is no bulk probe`);
  const moved: Record<string, { sent: number; received: number }> = {};
  const abort = new AbortController();
  const count =
    (direction: 'sent' | 'received') =>
    (bytes: number, path: string = order.path) => {
      moved[path] ??= { sent: 0, received: 0 };
      moved[path][direction] += bytes;
    };
  const left = () => Object.values(moved).reduce((rest, { sent, received }) => rest - sent - received, remaining);
  const leg: LegRun = {
    ...order,
    timeoutSeconds: order.settings.timeoutSeconds,
    signal: abort.signal,
    meter: {
      sent: count('sent'),
      received: count('received'),
      get remaining() {
        return left();
      },
    },
    libc: async () => libc,
    run,
    pathOf: (address) => paths[address],
  };
  const timer = abortAfterMs === undefined ? undefined : setTimeout(() => abort.abort(), abortAfterMs);
  const begun = performance.now();
  const result = await probe.run(leg).catch(failureOf);
  const took = (performance.now() - begun) / 1000;
  clearTimeout(timer);
  print({ result, moved, took, sockets: openSockets() });
}
