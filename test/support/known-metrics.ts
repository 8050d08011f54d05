import { readFileSync } from 'node:fs';
import { catalogue } from '../../exporter/src/metrics/catalogue.ts';
import { snakeCase } from '../../exporter/src/metrics/collectors/mib.ts';

/** What Prometheus itself says of a target. */
const OF_TARGETS = ['up'];

/** Each series that the exporter, or Prometheus about it, can give, with its labels other than those of the target. */
export function exporterSeries(): Map<string, readonly string[]> {
  const known = new Map<string, readonly string[]>(OF_TARGETS.map((name) => [name, []]));
  for (const { name, type, labels } of catalogue()) {
    if (type === 'histogram') {
      known
        .set(`${name}_bucket`, [...labels, 'le'])
        .set(`${name}_sum`, labels)
        .set(`${name}_count`, labels);
    } else {
      known.set(name, labels);
    }
  }
  // Named after what the kernel counts: those of the kernel that the fixtures come from.
  const netstat = readFileSync(new URL('../fixtures/linux-6.18/client/proc-netstat.txt', import.meta.url), 'utf8');
  for (const name of /^MPTcpExt: (MP.+)$/m.exec(netstat)?.[1]?.split(' ') ?? []) {
    known.set(`mptcp_mib_${snakeCase(name)}_total`, []);
  }
  return known;
}
