import { describe, expect, it } from 'vitest';
import { parseMptcpTable, readMptcpTable } from '../../../exporter/src/linux/proc/mptcp-table.ts';
import { fixture, fixturePath, procTree } from './tree.ts';

const TEXT = fixture('out-of-tree-v0.91/net/mptcp_net/mptcp');
const HEADING = TEXT.split('\n', 1)[0];

function oneRow(row: string) {
  return parseMptcpTable(`${HEADING}\n${row}\n`).rows[0];
}

describe('parseMptcpTable', () => {
  it('reads the documented sample row', () => {
    const row =
      '   0: 2D0B85BA 39F8CCC5  0 6601A8C0:E89F                         2DE66882:0050                         01 01 00000000:00000000 21895';
    expect(oneRow(row)).toEqual({
      state: 'established',
      local: { address: '192.168.1.102', port: 59551 },
      remote: { address: '130.104.230.45', port: 80 },
      token: 0x2d0b85ba,
      totalSubflows: 1,
      sendQueueBytes: 0,
      receiveQueueBytes: 0,
      inode: 21895,
    });
  });

  it('reads the whole scene', () => {
    const { rows, malformed } = parseMptcpTable(TEXT);
    expect(malformed).toBe(0);
    expect(rows.map(({ token, totalSubflows, inode }) => [token?.toString(16), totalSubflows, inode])).toEqual([
      ['2d0b85ba', 2, 21895],
      ['8a41f0d3', 2, 21931],
      ['c00ffee1', 2, 21977],
      ['73a8808', 1, 22010],
      ['5eed5eed', 1, undefined],
    ]);
    expect(rows[0]).toMatchObject({ sendQueueBytes: 0x57e40, receiveQueueBytes: 0 });
    expect(rows[2]).toMatchObject({
      local: { address: '2001:db8:1::10', port: 40112 },
      remote: { address: '2001:db8:ffff::10', port: 443 },
      receiveQueueBytes: 0x5a8,
    });
  });

  it('leaves out what this kernel cannot tell', () => {
    for (const row of parseMptcpTable(TEXT).rows) {
      for (const absent of ['fallback', 'sentBytes', 'receivedBytes', 'additionalSubflows', 'cookie']) {
        expect(row).not.toHaveProperty(absent);
      }
    }
  });

  it('reads hidden tokens as absent, and a real token of all ones as a token', () => {
    const hidden = parseMptcpTable(fixture('out-of-tree-v0.91-hidden/net/mptcp_net/mptcp')).rows;
    expect(hidden).toHaveLength(5);
    for (const row of hidden) expect(row).not.toHaveProperty('token');
    expect(oneRow('0: FFFFFFFF 39F8CCC5 0 6601A8C0:E89F 2DE66882:0050 01 01 00000000:00000000 21895')).toHaveProperty(
      'token',
      0xffffffff,
    );
  });

  it('reads the number of subflows and the state as hexadecimal', () => {
    expect(oneRow('10: 1 2 0 6601A8C0:E89F 2DE66882:0050 08 1F 00000000:00000000 1')).toMatchObject({
      state: 'close_wait',
      totalSubflows: 31,
    });
  });

  it('reads the columns that some builds add after the inode as nothing', () => {
    expect(oneRow('0: 1 2 0 6601A8C0:E89F 2DE66882:0050 01 01 00000000:00000000 21895 roundrobin')).toMatchObject({
      inode: 21895,
    });
  });

  it.each([
    ['no address', '0: 1 2  01 01 00000000:00000000 21895'],
    ['an unknown state', '0: 1 2 0 6601A8C0:E89F 2DE66882:0050 FF 01 00000000:00000000 21895'],
    ['no inode', '0: 1 2 0 6601A8C0:E89F 2DE66882:0050 01 01 00000000:00000000'],
    ['a token that is none', '0: XYZ 2 0 6601A8C0:E89F 2DE66882:0050 01 01 00000000:00000000 21895'],
  ])('counts a row with %s and goes on', (_, row) => {
    const { rows, malformed } = parseMptcpTable(`${TEXT}${row}\n`);
    expect([rows.length, malformed]).toEqual([5, 1]);
  });

  it('does not take /proc/net/tcp for it', () => {
    expect(() => parseMptcpTable(fixture('out-of-tree-v0.91/net/tcp'))).toThrowError(
      expect.objectContaining({ code: 'malformed' }),
    );
  });
});

describe('readMptcpTable', () => {
  it('finds the table in either place', async () => {
    expect((await readMptcpTable(fixturePath('out-of-tree-v0.91'))).rows).toHaveLength(5);
    expect((await readMptcpTable(fixturePath('out-of-tree-v0.86'))).rows).toHaveLength(2);
  });

  it('says not_supported with a remedy where there is none', async () => {
    await expect(readMptcpTable(procTree({ 'net/tcp': '' }))).rejects.toMatchObject({
      code: 'not_supported',
      remedy: expect.any(String),
    });
  });
});
