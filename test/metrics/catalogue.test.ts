import { describe, expect, it } from 'vitest';
import { catalogue } from '../../exporter/src/metrics/catalogue.ts';
import { snakeCase } from '../../exporter/src/metrics/collectors/mib.ts';

describe('the catalogue', () => {
  it('names every family once', () => {
    const names = catalogue().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(catalogue().map((family) => [family.name, family] as const))(
    '%s keeps to the naming rules',
    (name, family) => {
      expect(name).toMatch(/^(mptcp|process|nodejs)_[a-z0-9_]+$/);
      expect(name.endsWith('_total')).toBe(family.type === 'counter');
      expect(family.help).toMatch(/\.$/);
      expect(family.labels).not.toContain('instance');
      expect(family.labels).not.toContain('job');
    },
  );

  it.each([
    ['MPJoinSynRx', 'mp_join_syn_rx'],
    ['MPCurrEstab', 'mp_curr_estab'],
    ['MPCapableSYNRX', 'mp_capable_synrx'],
    ['MPTCPRetrans', 'mptcp_retrans'],
    ['DSSNoMatchTCP', 'dss_no_match_tcp'],
    ['OFOQueueTail', 'ofo_queue_tail'],
    ['MD5SigFallback', 'md5_sig_fallback'],
    ['MPJoinSynAckHMacFailure', 'mp_join_syn_ack_hmac_failure'],
    ['Odd-Name/2', 'odd_name_2'],
  ])('writes the MIB name %s as %s', (name, expected) => {
    expect(snakeCase(name)).toBe(expected);
  });
});
