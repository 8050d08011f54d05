import { describe, expect, it } from 'vitest';
import { parseRows, type SsRow } from '../../../exporter/src/linux/tool/ss-row.ts';
import { processorMs } from '../../support/processor-time.ts';

const rows = (text: string) => parseRows(text, (row) => row);

function only(text: string): SsRow {
  const { records, malformed } = rows(text);
  expect(malformed).toBe(0);
  expect(records).toHaveLength(1);
  return records[0] as SsRow;
}

const STATES = [
  ['ESTAB', 'established'],
  ['SYN-SENT', 'syn_sent'],
  ['SYN-RECV', 'syn_received'],
  ['FIN-WAIT-1', 'fin_wait_1'],
  ['FIN-WAIT-2', 'fin_wait_2'],
  ['UNCONN', 'closed'],
  ['CLOSE-WAIT', 'close_wait'],
  ['LAST-ACK', 'last_ack'],
  ['CLOSING', 'closing'],
] as const;

const ENDS = [
  ['10.0.0.1:80', '10.0.0.1', 80, undefined],
  ['10.0.2.1%veB:49755', '10.0.2.1', 49755, 'veB'],
  ['[fd77:1::1]:7002', 'fd77:1::1', 7002, undefined],
  ['[fe80::1]%eth0.7:22', 'fe80::1', 22, 'eth0.7'],
  ['[::ffff:127.0.0.1]:7001', '127.0.0.1', 7001, undefined],
  ['[FD77:0::0001]:1', 'fd77::1', 1, undefined],
  ['*:*', '::', 0, undefined],
  ['0.0.0.0:*', '0.0.0.0', 0, undefined],
] as const;

describe('a row of ss', () => {
  it.each(STATES)('%s means %s', (text, state) => {
    expect(only(`${text} 0 0 10.0.0.1:1 10.0.0.2:2 ino:5 sk:6 <->`).socket.state).toBe(state);
  });

  it.each(ENDS)('has the address %s', (text, address, port, device) => {
    const { socket, boundInterfaceName } = only(`ESTAB 0      7       ${text}   10.0.0.2:2   ino:5 sk:6 <->  `);
    expect(socket.local).toEqual({ address, port });
    expect(boundInterfaceName).toBe(device);
    expect(only(`ESTAB 0 0 10.0.0.2:2 ${text} ino:5 sk:6 <->`).socket.remote).toEqual({ address, port });
  });

  it('has its queue, inode and cookie, behind timer and user id', () => {
    const row = only(
      'ESTAB 3 7 10.0.0.1:1 10.0.0.2:2 timer:(on,052ms,0) uid:1000 ino:238807 sk:10b9f fwmark:0x1 <-> a',
    );
    expect(row.sendQueueBytes).toBe(7);
    expect(row.socket).toMatchObject({ inode: 238807, cookie: 0x10b9f });
  });

  it('has no inode when its process let go of it, and no cookie where the kernel gives none', () => {
    const { socket } = only(`FIN-WAIT-1 0 1 10.0.0.1:1 10.0.0.2:2 ino:0 sk:${'f'.repeat(16)} <-> a`);
    expect(socket).not.toHaveProperty('inode');
    expect(socket).not.toHaveProperty('cookie');
  });

  it('may begin with the protocol', () => {
    expect(only('mptcp ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 ino:5 sk:6 <->').socket.state).toBe('established');
  });

  it.each(['<->', '-->', '<--', '---'])('has its words behind what is shut down: %s', (word) => {
    expect(only(`ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 ino:5 sk:6 ${word} ts sack a:1`).words.filter(Boolean)).toEqual([
      'ts',
      'sack',
      'a:1',
    ]);
  });

  it('cannot be forged by the name of a cgroup', () => {
    const cgroup = 'cgroup:/x <-> tcp-ulp-mptcp token:1(id:1)/1(id:1) ino:1 sk:1 <->';
    const { socket, words } = only(`ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 ino:5 sk:6 ${cgroup} <-> ts a:1`);
    expect(socket).toMatchObject({ inode: 5, cookie: 6 });
    expect(words.filter(Boolean)).toEqual(['ts', 'a:1']);
  });

  it('may have its words on an indented line of its own', () => {
    const text =
      'ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 ino:5 sk:6 <->\n\t ts a:1   \nESTAB 0 0 10.0.0.1:3 10.0.0.2:4 <->\n\t b:2\n';
    expect(rows(text).records.map(({ words }) => words.filter(Boolean))).toEqual([['ts', 'a:1'], ['b:2']]);
  });

  it('is not a header, whose last words some releases glue together', () => {
    const header = 'State Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess';
    expect(rows(`${header}  \nNetid ${header}\n`)).toEqual({ records: [], malformed: 0 });
  });

  it.each(['LISTEN', 'TIME-WAIT'])('of a socket in %s is left out', (state) => {
    expect(rows(`${state} 0 128 *:80 *:* ino:5 sk:6 <->`)).toEqual({ records: [], malformed: 0 });
  });
});

describe('a row that does not parse', () => {
  const good = 'ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 ino:5 sk:6 <->';
  const bad = [
    'NEWSTATE 0 0 10.0.0.1:1 10.0.0.2:2 ino:5 sk:6 <->',
    'ESTAB 0 x 10.0.0.1:1 10.0.0.2:2 ino:5 sk:6 <->',
    'ESTAB 0 0 10.0.0.1:http 10.0.0.2:2 ino:5 sk:6 <->',
    'ESTAB 0 0 10.0.0.1:65536 10.0.0.2:2 ino:5 sk:6 <->',
    'ESTAB 0 0 10.0.0.1 10.0.0.2:2 ino:5 sk:6 <->',
    'ESTAB 0 0 :1 10.0.0.2:2 ino:5 sk:6 <->',
    'ESTAB 0 0 localhost:1 10.0.0.2:2 ino:5 sk:6 <->',
    'ESTAB 0 0 [fe80::1:1 10.0.0.2:2 ino:5 sk:6 <->',
    'ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 ino:5a sk:6 <->',
    'ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 ino:5 sk:0x6 <->',
    'ESTAB 0 0 10.0.0.1:1',
    'Cannot open netlink socket: Operation not permitted',
  ];

  it.each(bad)('is counted and costs no other: %s', (text) => {
    const { records, malformed } = rows(`${good}\n${text}\n${good}\n`);
    expect(records).toHaveLength(2);
    expect(malformed).toBe(1);
  });

  it.each(bad)('alone is not the output of ss: %s', (text) => {
    expect(() => rows(`${text}\n`)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it.each([
    ['one word', 'A'],
    ['blanks', ' '],
    ['columns', 'ESTAB 0 0 '],
    ['digits', 'ESTAB 0 1'],
    ['brackets', '['],
    ['shutdown words', ' <->'],
    ['tabs and lines', '\t\n'],
  ])('takes no longer than its length, be it a million characters of %s', (_, piece) => {
    const text = piece.repeat(1_000_000 / piece.length);
    const took = processorMs(() => {
      expect(() => rows(`${good}\n${text}`)).not.toThrow();
      expect(() => rows(`ESTAB 0 0 ${text}`)).toThrow(expect.objectContaining({ code: 'malformed' }));
    });
    expect(took).toBeLessThan(1000);
  });
});
