import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExporterError } from '../../../exporter/src/errors.ts';
import {
  parseConnectedRoutes,
  parseIpv6Addresses,
  parseLocalIpv4,
} from '../../../exporter/src/linux/proc/address-tables.ts';
import { parseDeviceTable } from '../../../exporter/src/linux/proc/device-table.ts';
import { parseSnmp } from '../../../exporter/src/linux/proc/mptcp-snmp.ts';
import { parseMptcpTable } from '../../../exporter/src/linux/proc/mptcp-table.ts';
import { parseMib } from '../../../exporter/src/linux/proc/netstat.ts';
import { parseTcpTable } from '../../../exporter/src/linux/proc/tcp-table.ts';
import { mutated } from '../../support/mutate.ts';
import { processorMs } from '../../support/processor-time.ts';
import { fixture } from './tree.ts';

const RUNS = 4000;

/** True when every number in the value is one that a metric can carry. */
function isSound(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0;
  if (value instanceof Map) return [...value.values()].every(isSound);
  if (Array.isArray(value)) return value.every(isSound);
  return value === null || typeof value !== 'object' || Object.values(value).every(isSound);
}

const PARSERS: readonly [string, (text: string) => unknown, readonly string[]][] = [
  ['parseMib', parseMib, ['linux-6.18/client/proc-netstat.txt', 'linux-6.18/server/proc-netstat.txt']],
  [
    'parseTcpTable',
    parseTcpTable,
    ['linux-6.18/server/proc-tcp.txt', 'linux-6.18/server/proc-tcp6.txt', 'out-of-tree-v0.91/net/tcp'],
  ],
  ['parseMptcpTable', parseMptcpTable, ['out-of-tree-v0.91/net/mptcp_net/mptcp', 'out-of-tree-v0.86/net/mptcp']],
  ['parseSnmp', parseSnmp, ['out-of-tree-v0.91/net/mptcp_net/snmp']],
  ['parseDeviceTable', parseDeviceTable, ['linux-6.18/client/proc-dev.txt', 'out-of-tree-v0.91/net/dev']],
  ['parseConnectedRoutes', parseConnectedRoutes, ['out-of-tree-v0.91/net/route']],
  ['parseIpv6Addresses', parseIpv6Addresses, ['out-of-tree-v0.91/net/if_inet6']],
  ['parseLocalIpv4', parseLocalIpv4, ['out-of-tree-v0.91/net/fib_trie']],
];

describe('damaged /proc texts', () => {
  it.each(PARSERS)(
    '%s gives a sound value or a typed error',
    (_, parse, names) => {
      let read = 0;
      fc.assert(
        fc.property(mutated(names.map(fixture)), (text) => {
          try {
            expect(isSound(parse(text))).toBe(true);
            read++;
          } catch (caught) {
            if (!(caught instanceof ExporterError)) throw caught;
            expect(['malformed', 'not_supported']).toContain(caught.code);
          }
        }),
        { numRuns: RUNS },
      );
      expect(read).toBeGreaterThan(0);
    },
    120_000,
  );

  it.each(PARSERS)('%s takes time in proportion to the text', (_, parse, names) => {
    const unit = names.map(fixture).join('');
    for (const text of [
      unit.repeat(200),
      ' '.repeat(1_000_000),
      'a:'.repeat(500_000),
      `${unit}${' 0'.repeat(500_000)}`,
    ]) {
      const took = processorMs(() => {
        try {
          parse(text);
        } catch (caught) {
          expect(caught).toBeInstanceOf(ExporterError);
        }
      });
      expect(took).toBeLessThan(2000);
    }
  });
});
