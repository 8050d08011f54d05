import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { describe, expect, it } from 'vitest';
import { readInterfaces } from '../../exporter/src/linux/proc/interfaces.ts';
import { kernelKind, kernelRelease } from '../../exporter/src/linux/proc/kernel.ts';
import { readMib } from '../../exporter/src/linux/proc/netstat.ts';
import { readSysctls } from '../../exporter/src/linux/proc/sysctl.ts';
import { readTcpTables } from '../../exporter/src/linux/proc/tcp-table.ts';
import { openSource } from '../../exporter/src/source/choose.ts';

describe("this machine's /proc", () => {
  it('has MPTCP counters, each name that the kernel prints', async () => {
    const mib = await readMib('/proc');
    const names = /^MPTcpExt: ([A-Z].*)$/m.exec(readFileSync('/proc/net/netstat', 'utf8'))?.[1]?.split(' ');
    expect([...mib.keys()]).toEqual(names);
    expect(mib.has('MPCapableSYNRX')).toBe(true);
  });

  it('has the MPTCP sysctls of an upstream kernel', async () => {
    expect(await kernelKind('/proc')).toBe('upstream');
    expect(await kernelRelease('/proc')).toBe(release());
    const sysctls = await readSysctls('/proc');
    expect(sysctls.numeric.get('enabled')).toBe(sysctls.enabled ? 1 : 0);
    expect(sysctls.numeric.has('add_addr_timeout')).toBe(true);
    expect(sysctls.numeric.has('stale_loss_cnt')).toBe(true);
  });

  it('has tables of sockets and interfaces that read without a corrupt row', async () => {
    expect((await readTcpTables('/proc')).malformed).toBe(0);
    const { rows, malformed } = await readInterfaces('/proc');
    expect(malformed).toBe(0);
    expect(rows.find(({ name }) => name === 'lo')).toMatchObject({ loopback: true });
  });

  it('makes auto take netlink, which reads the sockets', async () => {
    const { source, reason } = await openSource({ source: 'auto', procfs: '/proc' });
    try {
      expect([source.name, source.kernel, reason]).toEqual(['netlink', 'upstream', 'the kernel has upstream MPTCP']);
      expect((await source.read(new Set())).sockets.failure).toBeUndefined();
    } finally {
      source.close();
    }
  });
});
