import { describe, expect, it } from 'vitest';
import { parseTcpTable, readTcpTables } from '../../../exporter/src/linux/proc/tcp-table.ts';
import { fixture, fixturePath, outOfTree } from './tree.ts';

describe('parseTcpTable', () => {
  it.each([
    ['client', 'tcp'],
    ['client', 'tcp6'],
    ['server', 'tcp'],
    ['server', 'tcp6'],
  ])('reads every row of the captured %s %s', (end, name) => {
    const text = fixture(`linux-6.18/${end}/proc-${name}.txt`);
    const { rows, malformed } = parseTcpTable(text);
    expect(malformed).toBe(0);
    expect(rows).toHaveLength(text.trimEnd().split('\n').length - 1);
  });

  it('reads a captured row', () => {
    const row = parseTcpTable(fixture('linux-6.18/client/proc-tcp.txt')).rows[1];
    expect(row).toEqual({
      state: 'established',
      local: { address: '10.77.1.1', port: 0x9290 },
      remote: { address: '10.77.1.2', port: 7003 },
      inode: 236867,
      sendQueueBytes: 0x2a6c0,
      timeouts: 0,
      retransmissionTimeoutSeconds: 0.21,
    });
  });

  it('reads IPv4-mapped rows as IPv4, so that they match the MPTCP table', () => {
    const { rows } = parseTcpTable(fixture('out-of-tree-v0.91/net/tcp6'));
    expect(rows.map(({ local, remote }) => `${local.address} ${remote.address}`)).toContain(
      '192.168.1.10 198.51.100.23',
    );
  });

  it('reads a row in TIME_WAIT, which ends early, without an inode', () => {
    const row = parseTcpTable(fixture('out-of-tree-v0.91/net/tcp')).rows[8];
    expect(row).toMatchObject({ state: 'time_wait', local: { port: 43188 } });
    expect(row).not.toHaveProperty('inode');
    expect(row).not.toHaveProperty('retransmissionTimeoutSeconds');
  });

  it('counts a row that lacks its inode and keeps the others', () => {
    const text = `${fixture('out-of-tree-v0.91/net/tcp')}  10: 0A01A8C0:A989 0A7100CB:01BB 08 00000000:00000001 00:00000000\n`;
    const { rows, malformed } = parseTcpTable(text);
    expect([rows.length, malformed]).toEqual([10, 1]);
  });
});

describe('readTcpTables', () => {
  it('reads both families', async () => {
    expect((await readTcpTables(fixturePath('out-of-tree-v0.91'))).rows).toHaveLength(15);
  });

  it('does without tcp6 on a kernel without IPv6, but not without tcp', async () => {
    expect((await readTcpTables(fixturePath('out-of-tree-v0.86'))).rows).toHaveLength(5);
    await expect(readTcpTables(outOfTree({ 'net/tcp': null }))).rejects.toMatchObject({ code: 'not_supported' });
  });

  it('fails when tcp6 is there and no such table', async () => {
    await expect(readTcpTables(outOfTree({ 'net/tcp6': 'nonsense\n' }))).rejects.toMatchObject({ code: 'malformed' });
  });
});
