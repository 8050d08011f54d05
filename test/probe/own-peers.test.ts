import { expect, it } from 'vitest';
import type { ProbeSettings } from '../../exporter/src/config/probes/settings.ts';
import { assemble } from '../../exporter/src/mptcp/assemble.ts';
import { ownPeers } from '../../exporter/src/probe/own-peers.ts';
import { connection, INITIAL, reading, subflow } from '../support/scene.ts';

const round = (mptcp: boolean): ProbeSettings => ({
  type: 'throughput',
  target: { text: 'vps', host: 'vps', port: 10_263 },
  timetable: { intervalSeconds: 3600, jitterSeconds: 0 },
  timeoutSeconds: 20,
  durationSeconds: 5,
  directions: ['up'],
  mptcp,
});
const resolver = { known: (host: string) => (host === 'vps' ? ['192.0.2.1', '2001:db8::1'] : []) };

it.each([
  ['192.0.2.1', 10_263, true],
  ['2001:db8::1', 10_263, true],
  ['192.0.2.1', 443, false],
  ['192.0.2.2', 10_263, false],
])('a connection to %s port %d is a probe of ours: %s', (address, port, own) => {
  expect(ownPeers([round(true)], resolver)({ address, port })).toBe(own);
  expect(ownPeers([round(false)], resolver)({ address, port })).toBe(false);
});

it('a look marks them', () => {
  const remote = { address: '192.0.2.1', port: 10_263 };
  const sockets = {
    connections: [connection(1, { remote }), connection(2)],
    subflows: [subflow(1, '10.77.1.1', { remote, flags: INITIAL }), subflow(2, '10.77.1.1', { cookie: 9 })],
  };
  const isOwn = ownPeers([round(true)], resolver);
  const { value } = assemble(reading(sockets), { rules: [], match: () => undefined, isOwn }).sockets;
  expect(value?.connections.map(({ own }) => own)).toEqual([true, false]);
});
