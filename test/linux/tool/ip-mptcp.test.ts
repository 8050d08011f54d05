import { describe, expect, it } from 'vitest';
import { decodeEndpoint } from '../../../exporter/src/linux/netlink/mptcp-pm.ts';
import type { Run } from '../../../exporter/src/linux/tool/exec.ts';
import { parseEndpoints, parseLimits, readEndpoints } from '../../../exporter/src/linux/tool/ip-mptcp.ts';
import { capture, rowsOf } from '../netlink/fake-kernel.ts';
import { captured, ENDS, RELEASES, versionsOf } from './captures.ts';

const SCENE = {
  client: [
    { id: 1, address: '10.77.2.1', interfaceName: 'wlan0', flags: ['subflow'] },
    { id: 2, address: '10.77.3.1', interfaceName: 'lte0', flags: ['subflow', 'backup'] },
    { id: 3, address: 'fd77:2::1', interfaceName: 'wlan0', flags: ['subflow'] },
  ],
  server: [{ id: 1, address: '10.77.2.2', interfaceName: 'wlan0', flags: ['signal'] }],
};

const CAPTURES = ENDS.flatMap((end) => RELEASES.map((release) => ({ end, release })));

describe('the endpoints by ip', () => {
  it.each(CAPTURES)('are those of the scene, from what ip $release prints at the $end', async ({ end, release }) => {
    const replay: Run = async (_, args) => captured(end, `ip-v${release}-endpoint${args[0] === '-j' ? '.json' : ''}`);
    expect(await readEndpoints(replay, versionsOf(release).iproute2, 1000)).toEqual(SCENE[end]);
  });

  it.each(CAPTURES)('are the same from text: $release, $end', ({ end, release }) => {
    expect(parseEndpoints(captured(end, `ip-v${release}-endpoint`))).toEqual(SCENE[end]);
  });

  it.each(ENDS)('have the ids, addresses and flags that netlink gives, at the %s', (end) => {
    const kernel = rowsOf(capture(end, 'mptcp_pm-get-addr')).map((row) =>
      decodeEndpoint(new DataView(row.buffer, row.byteOffset, row.byteLength), 0, row.length),
    );
    const bare = ({ id, address, flags }: (typeof kernel)[number]) => ({ id, address, flags });
    expect(SCENE[end].map(bare)).toEqual(kernel.map(bare));
  });

  it.each([
    ['text', '10.0.0.1 port 5555 id 3 signal dev lo \n'],
    ['JSON', '[{"address":"10.0.0.1","port":5555,"id":3,"signal":true,"dev":"lo"}]'],
  ])('may have a port: %s', (_, text) => {
    expect(parseEndpoints(text)).toEqual([
      { id: 3, address: '10.0.0.1', port: 5555, interfaceName: 'lo', flags: ['signal'] },
    ]);
  });

  it.each([
    ['10.0.0.1 id 1 subflow rawflags 08 ', ['subflow', 'fullmesh']],
    ['10.0.0.1 id 1 rawflags 60 ', ['laminar', '0x40']],
    ['10.0.0.1 id 1 rawflags 80000000 ', ['0x80000000']],
    ['10.0.0.1 id 1 laminar fullmesh signal ', ['signal', 'fullmesh', 'laminar']],
    ['[{"address":"10.0.0.1","id":1,"signal":true,"rawflags":"18"}]', ['signal', 'fullmesh', 'implicit']],
  ])('have their flags by name in the order of their bits, whatever this ip calls them: %s', (text, flags) => {
    expect(parseEndpoints(text)[0]?.flags).toEqual(flags);
  });

  it('may be on an interface that is called like a flag', () => {
    expect(parseEndpoints('10.0.0.1 id 1 subflow dev backup ')).toEqual([
      { id: 1, address: '10.0.0.1', interfaceName: 'backup', flags: ['subflow'] },
    ]);
  });

  it.each(['', '\n', '[]', '[ ]\n'])('may be none: %j', (text) => {
    expect(parseEndpoints(text)).toEqual([]);
  });

  it.each([
    '[{"address":"10.0.0.1","id":1,"signal":true}}',
    '[{"address":"10.0.0.1"}]',
    '[{"address":"nowhere","id":1}]',
    '[{"address":"10.0.0.1","id":256}]',
    '{"address":"10.0.0.1","id":1}',
    '10.0.0.1 id',
    '10.0.0.1 id x',
    '10.0.0.1 signal',
    'Error talking to the kernel',
  ])('are malformed: %s', (text) => {
    expect(() => parseEndpoints(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});

describe('the limits by ip', () => {
  it.each(CAPTURES)('are those of the scene, from what ip $release prints at the $end', ({ end, release }) => {
    expect(parseLimits(captured(end, `ip-v${release}-limits`))).toEqual({ subflows: 4, addAddrAccepted: 4 });
  });

  it.each([
    'add_addr_accepted 0 subflows 2 \n',
    '{"add_addr_accepted":0,"subflows":2}',
    '[{"add_addr_accepted":0,"subflows":2}]\n',
  ])('are read from text and, should a release print it, JSON: %s', (text) => {
    expect(parseLimits(text)).toEqual({ subflows: 2, addAddrAccepted: 0 });
  });

  it.each(['', '[]', '{}', 'subflows 2', 'add_addr_accepted x subflows 2', 'add_addr_accepted 0 subflows'])(
    'are malformed: %j',
    (text) => {
      expect(() => parseLimits(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
    },
  );
});
