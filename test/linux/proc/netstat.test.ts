import { describe, expect, it } from 'vitest';
import { parseCounter, parseMib, readMib } from '../../../exporter/src/linux/proc/netstat.ts';
import { fixture, procTree } from './tree.ts';

const CAPTURED = fixture('linux-6.18/client/proc-netstat.txt');

/** The same two lines read by position, independently of the parser. */
function byPosition(text: string): [string, number][] {
  const [names, values] = text.split('\n').filter((line) => line.startsWith('MPTcpExt: '));
  const numbers = (values ?? '').split(' ');
  return (names ?? '').split(' ').flatMap((name, at) => (at === 0 ? [] : [[name, Number(numbers[at])]]));
}

describe('parseMib', () => {
  it.each(['client', 'server'])('reads every MPTcpExt counter of a captured %s, and no other', (end) => {
    const text = fixture(`linux-6.18/${end}/proc-netstat.txt`);
    const mib = parseMib(text);
    expect([...mib]).toEqual(byPosition(text));
    expect(mib.size).toBe(76);
    expect(mib.get('MPJoinSynTx') ?? mib.get('MPJoinSynRx')).toBeGreaterThanOrEqual(0);
    expect(mib.has('SyncookiesSent')).toBe(false);
  });

  it('keeps a counter that it has never heard of', () => {
    const text = 'MPTcpExt: MPCapableSYNRX BrandNewIn2031\nMPTcpExt: 3 17\n';
    expect([...parseMib(text)]).toEqual([
      ['MPCapableSYNRX', 3],
      ['BrandNewIn2031', 17],
    ]);
  });

  it('says not_supported when the kernel has no MPTCP counters', () => {
    const without = CAPTURED.split('\n')
      .filter((line) => !line.startsWith('MPTcpExt'))
      .join('\n');
    expect(() => parseMib(without)).toThrowError(expect.objectContaining({ code: 'not_supported' }));
    expect(() => parseMib('')).toThrowError(expect.objectContaining({ code: 'not_supported' }));
  });

  it.each([
    ['one value short', 'MPTcpExt: A B C\nMPTcpExt: 1 2\n'],
    ['one value too many', 'MPTcpExt: A\nMPTcpExt: 1 2\n'],
    ['no line of values', 'MPTcpExt: A B\n'],
    ['a third line', 'MPTcpExt: A\nMPTcpExt: 1\nMPTcpExt: 2\n'],
    ['a value that is no number', 'MPTcpExt: A B\nMPTcpExt: 1 x\n'],
    ['a name that is no name', 'MPTcpExt: A {}\nMPTcpExt: 1 2\n'],
    ['a name twice', 'MPTcpExt: A A\nMPTcpExt: 1 2\n'],
  ])('never pairs names with the wrong values: %s', (_, text) => {
    expect(() => parseMib(text)).toThrowError(expect.objectContaining({ code: 'malformed' }));
  });
});

describe('parseCounter', () => {
  it.each([
    ['0', 0],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['18446744073709551615', 0],
    ['-1', 0],
    ['1e3', undefined],
    ['', undefined],
    ['0x10', undefined],
    ['9'.repeat(40), undefined],
  ])('reads %s as %s', (text, value) => {
    expect(parseCounter(text)).toBe(value);
  });
});

describe('readMib', () => {
  it('reads net/netstat of the given tree', async () => {
    expect(await readMib(procTree({ 'net/netstat': CAPTURED }))).toEqual(parseMib(CAPTURED));
  });

  it('says not_supported where there is no such file', async () => {
    await expect(readMib(procTree({}))).rejects.toMatchObject({ code: 'not_supported' });
  });
});
