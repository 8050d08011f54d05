import type { ExporterError } from '../errors.ts';
import { readInterfaces } from '../linux/proc/interfaces.ts';
import { readMib } from '../linux/proc/netstat.ts';
import { readSysctls } from '../linux/proc/sysctl.ts';
import type { Outcome } from '../mptcp/model.ts';
import { outcome } from './outcome.ts';
import type { Source } from './source.ts';

/** Stands in when no source could be opened: it tells why in every reading, and still reads what needs only files under `procfs`. */
export function unavailableSource(procfs: string, error: ExporterError): Source {
  const failed: Outcome<never> = { failure: { code: error.code, message: error.line } };
  return {
    name: 'netlink',
    kernel: 'upstream',
    read: async (parts) => ({
      source: 'netlink',
      kernel: 'upstream',
      monotonicSeconds: performance.now() / 1000,
      sockets: failed,
      interfaces: await outcome(async () => (await readInterfaces(procfs)).rows),
      ...(parts.has('endpoints') && { endpoints: failed }),
      ...(parts.has('mib') && { mib: await outcome(() => readMib(procfs)) }),
      ...(parts.has('sysctl') && { sysctl: await outcome(() => readSysctls(procfs)) }),
      capabilities: new Map(),
      incidents: [],
    }),
    close: () => undefined,
  };
}
