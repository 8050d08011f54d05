import { describe, expect, it } from 'vitest';
import { parseMptcpTable } from '../../../exporter/src/linux/proc/mptcp-table.ts';
import { selectSubflows } from '../../../exporter/src/linux/proc/subflows.ts';
import { parseTcpTable, type TcpRow } from '../../../exporter/src/linux/proc/tcp-table.ts';
import type { ConnectionRecord, SubflowRecord } from '../../../exporter/src/mptcp/model.ts';
import { fixture } from './tree.ts';

const CONNECTION: ConnectionRecord = {
  state: 'established',
  local: { address: '192.168.1.10', port: 43210 },
  remote: { address: '203.0.113.10', port: 443 },
  token: 0x2d0b85ba,
  inode: 21895,
  totalSubflows: 2,
};
const ROW: TcpRow = {
  state: 'established',
  local: CONNECTION.local,
  remote: CONNECTION.remote,
  inode: 21895,
  sendQueueBytes: 0,
  timeouts: 0,
};
const { inode: _, ...UNACCEPTED } = CONNECTION;
const { inode: __, ...WITHOUT_INODE } = ROW;

function scene(tree: string): SubflowRecord[] {
  const rows = ['tcp', 'tcp6'].flatMap((name) => parseTcpTable(fixture(`out-of-tree-v0.91/net/${name}`)).rows);
  return selectSubflows(parseMptcpTable(fixture(`${tree}/net/mptcp_net/mptcp`)).rows, rows);
}

function line({ local, remote }: SubflowRecord): string {
  return `${local.address} ${local.port} ${remote.address} ${remote.port}`;
}

describe('selectSubflows', () => {
  it('finds every subflow of the scene with its connection, and no plain TCP socket', () => {
    const found = scene('out-of-tree-v0.91').map((subflow) => [subflow.token?.toString(16), line(subflow)]);
    expect(found.sort()).toEqual([
      ['2d0b85ba', '10.64.12.6 51733 203.0.113.10 443'],
      ['2d0b85ba', '192.168.1.10 43210 203.0.113.10 443'],
      ['5eed5eed', '192.168.1.10 8080 198.51.100.24 50123'],
      ['73a8808', '192.168.1.10 8080 198.51.100.23 61022'],
      ['8a41f0d3', '10.64.12.6 51802 203.0.113.10 22'],
      ['8a41f0d3', '192.168.1.10 43300 203.0.113.10 22'],
      ['c00ffee1', '10.64.12.6 52218 203.0.113.10 443'],
      ['c00ffee1', '2001:db8:1::10 40112 2001:db8:ffff::10 443'],
    ]);
  });

  it('finds as many as the kernel counts', () => {
    const subflows = scene('out-of-tree-v0.91');
    for (const { token, totalSubflows } of parseMptcpTable(fixture('out-of-tree-v0.91/net/mptcp_net/mptcp')).rows) {
      expect(subflows.filter((subflow) => subflow.token === token)).toHaveLength(totalSubflows ?? -1);
    }
  });

  it('finds the same subflows when the tokens are hidden, joined by inode alone', () => {
    const hidden = scene('out-of-tree-v0.91-hidden');
    expect(hidden.map(line)).toEqual(scene('out-of-tree-v0.91').map(line));
    for (const subflow of hidden) expect(subflow).not.toHaveProperty('token');
    expect(hidden.map(({ inode }) => inode)).toEqual([21895, 21895, 21931, 21931, 21977, 22010, undefined, 21977]);
  });

  it('tells queue, timeouts and retransmission timer, and nothing that the table does not know', () => {
    const [lte] = scene('out-of-tree-v0.91').filter(({ local }) => local.port === 51733);
    expect(lte).toEqual({
      state: 'established',
      local: { address: '10.64.12.6', port: 51733 },
      remote: { address: '203.0.113.10', port: 443 },
      inode: 21895,
      token: 0x2d0b85ba,
      sendQueueBytes: 0x2bf20,
      tcp: { backoff: 2, retransmissionTimeoutSeconds: 0.96 },
    });
  });

  it("counts the row with the connection's own addresses once: it is the initial subflow", () => {
    expect(selectSubflows([CONNECTION], [ROW])).toHaveLength(1);
  });

  it('counts a row that the kernel printed twice once', () => {
    expect(selectSubflows([CONNECTION], [ROW, ROW])).toHaveLength(1);
  });

  it.each([
    ['the connection is not accepted yet', UNACCEPTED, ROW],
    ['the subflow has no inode', CONNECTION, WITHOUT_INODE],
    ['neither has', UNACCEPTED, WITHOUT_INODE],
  ])('finds the initial subflow by its addresses when %s', (__, connection, row) => {
    expect(selectSubflows([connection], [row])).toHaveLength(1);
  });

  it.each<[string, TcpRow]>([
    ['has the same server and port', { ...ROW, inode: 5, local: { address: '192.168.1.10', port: 43388 } }],
    ['has taken over the addresses of a closed connection', { ...ROW, inode: 5 }],
    ['no application holds', { ...WITHOUT_INODE, local: { address: '10.64.12.6', port: 43211 } }],
    ['is in TIME_WAIT', { ...WITHOUT_INODE, state: 'time_wait' }],
    ['listens', { ...ROW, state: 'listen' }],
  ])('leaves out a socket that %s', (__, row) => {
    expect(selectSubflows([CONNECTION], [row])).toEqual([]);
  });

  it('does not join sockets that merely both lack an inode', () => {
    const other = { ...WITHOUT_INODE, local: { address: '10.64.12.6', port: 50000 } };
    expect(selectSubflows([UNACCEPTED], [other])).toEqual([]);
  });
});
