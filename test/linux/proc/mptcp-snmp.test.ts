import { describe, expect, it } from 'vitest';
import { parseSnmp } from '../../../exporter/src/linux/proc/mptcp-snmp.ts';
import { fixture } from './tree.ts';

const TEXT = fixture('out-of-tree-v0.91/net/mptcp_net/snmp');

describe('parseSnmp', () => {
  it('reads all 40 counters, none lost or merged', () => {
    const { mib, malformed } = parseSnmp(TEXT);
    expect([mib.size, malformed]).toEqual([40, 0]);
    expect(mib.get('MPTCPRetrans')).toBe(1207);
    expect(mib.get('MPJoinSynAckHMacFailure')).toBe(0);
  });

  it.each([
    ['AddAddrRx', 'AddAddr', 6],
    ['RemAddrRx', 'RmAddr', 2],
    ['RemAddrTx', 'RmAddrTx', 5],
    ['MPFastcloseRX', 'MPFastcloseRx', 4],
    ['MPFastcloseTX', 'MPFastcloseTx', 1],
    ['MPFailRX', 'MPFailRx', 0],
    ['MPCsumFail', 'DataCsumErr', 0],
  ])('tells %s as %s, as upstream does', (own, upstream, value) => {
    const { mib } = parseSnmp(TEXT);
    expect(mib.get(upstream)).toBe(value);
    expect(mib.has(own)).toBe(false);
  });

  it('keeps what upstream does not have, and what nobody has heard of', () => {
    const { mib } = parseSnmp(`${TEXT}${'BrandNew'.padEnd(32)}\t9\n`);
    expect(mib.get('DSSPurgeOldSubSegs')).toBe(88);
    expect(mib.get('BrandNew')).toBe(9);
  });

  it('does not overwrite a counter that the kernel reports under the upstream name itself', () => {
    const { mib } = parseSnmp('AddAddr\t1\nAddAddrRx\t2\n');
    expect([...mib]).toEqual([
      ['AddAddr', 1],
      ['AddAddrRx', 2],
    ]);
  });

  it('reads a sum that is below zero for a moment as 0', () => {
    expect(parseSnmp('MPCurrEstab\t-1\n').mib.get('MPCurrEstab')).toBe(0);
  });

  it('counts a line that it cannot read and keeps the others', () => {
    const { mib, malformed } = parseSnmp('MPTCPRetrans\t5\nMPFailRX\nMPCsumFail\tx\n1x\t4\n');
    expect([...mib]).toEqual([['MPTCPRetrans', 5]]);
    expect(malformed).toBe(3);
  });
});
