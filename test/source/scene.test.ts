import { describe, expect, it } from 'vitest';
import { assemble } from '../../exporter/src/mptcp/assemble.ts';
import { PARTS, type Snapshot } from '../../exporter/src/mptcp/model.ts';
import { pathMatcher } from '../../exporter/src/mptcp/path-rules.ts';
import type { Source } from '../../exporter/src/source/source.ts';
import { type End, plain } from '../linux/netlink/fake-kernel.ts';
import { ENDS, RELEASES } from '../linux/tool/captures.ts';
import { capturedNetlink, capturedSs } from '../support/captured-scene.ts';

const snapshotOf = async (source: Source): Promise<Snapshot> =>
  assemble(await source.read(new Set(PARTS)), { rules: [], match: pathMatcher([]) });

const endpointText = ({ address, port }: { address: string; port: number }) => `${address}:${port}`;

/** What every source must agree on: the captures are seconds apart, so bytes and ages are left out. */
function facts({ sockets, paths, endpoints, mib, sysctl, interfaces }: Snapshot) {
  const { connections = [], subflows = [] } = sockets.value ?? {};
  return {
    connections: connections
      .map(({ socket: { token, state, local, remote, fallback, inode, cookie }, subflows: members }) => ({
        ...{ token, state, fallback, inode, cookie },
        local: endpointText(local),
        remote: endpointText(remote),
        members: members.map((index) => endpointText(subflows[index]?.socket.local ?? local)).sort(),
      }))
      .sort((a, b) => (a.cookie ?? 0) - (b.cookie ?? 0)),
    subflows: subflows
      .map(({ socket, path, interfaceName, role, backup }) => ({ ...plain(socket), path, interfaceName, role, backup }))
      .map(({ token, state, local, remote, path, interfaceName, role, backup, localId, remoteId, inode, cookie }) => ({
        ...{ token, state, path, interfaceName, role, backup, localId, remoteId, inode, cookie },
        local: endpointText(local),
        remote: endpointText(remote),
      }))
      .sort((a, b) => (a.cookie ?? 0) - (b.cookie ?? 0)),
    paths,
    endpoints: endpoints?.value?.endpoints.map(({ id, address, flags }) => ({ id, address, flags })),
    limits: endpoints?.value?.limits,
    mib: mib?.value,
    sysctl: sysctl?.value,
    addresses: interfaces.value?.map(({ name, addresses }) => ({ name, addresses })),
  };
}

describe.each(ENDS)('the captured scene at the %s', (end: End) => {
  it.each(RELEASES)('is the same snapshot from iproute2 %s as from netlink', async (release) => {
    const netlink = facts(await snapshotOf(await capturedNetlink(end)));
    expect(netlink.subflows.length).toBeGreaterThan(0);
    expect(facts(await snapshotOf(await capturedSs(end, release)))).toEqual(netlink);
  });
});

describe('the captured scene at the client', () => {
  const scene = async () => facts(await snapshotOf(await capturedNetlink('client')));

  it('has six MPTCP connections and one that fell back, and leaves plain TCP out', async () => {
    const { connections, subflows } = await scene();
    expect(connections.filter(({ fallback }) => fallback === true).map(({ remote }) => remote)).toEqual([
      '10.77.1.2:7003',
    ]);
    expect(connections).toHaveLength(7);
    expect(connections.map(({ remote }) => remote).sort()).toEqual([
      '10.77.1.2:7001',
      '10.77.1.2:7001',
      '10.77.1.2:7001',
      '10.77.1.2:7002',
      '10.77.1.2:7003',
      'fd77:1::2:7002',
      'fd77:1::2:7004',
    ]);
    // 10.77.1.1:37520 speaks plain TCP to the same port as the fallback connection.
    expect(subflows.filter(({ remote }) => remote === '10.77.1.2:7003').map(({ local }) => local)).toEqual([
      '10.77.1.1:37516',
    ]);
  });

  it('keeps the token that begins with a zero, and joins its three subflows', async () => {
    const { connections } = await scene();
    const one = connections.find(({ token }) => token === 0x00b6ae2e);
    expect(one?.members).toEqual(['10.77.1.1:57616', '10.77.2.1:43303', '10.77.3.1:53525']);
  });

  it('mixes address families in one connection', async () => {
    const { connections } = await scene();
    const mixed = connections.find(({ remote }) => remote === 'fd77:1::2:7002');
    expect(mixed?.members).toEqual(['10.77.2.1:43895', 'fd77:1::1:53898', 'fd77:2::1:48809']);
  });

  it('puts each subflow on its link, the backup flag on lte0 alone', async () => {
    const { subflows, paths } = await scene();
    const count = (name: string) => subflows.filter(({ path }) => path === name).length;
    expect([count('eth0'), count('wlan0'), count('lte0')]).toEqual([7, 8, 4]);
    for (const { path, backup, localId } of subflows) {
      expect(backup).toBe(path === 'lte0');
      if (path === 'lte0') expect(localId).toBe(2);
    }
    expect(paths.map(({ name, backup, endpointIds }) => ({ name, backup, endpointIds }))).toEqual([
      { name: 'eth0', backup: false, endpointIds: [] },
      { name: 'wlan0', backup: false, endpointIds: [1, 3] },
      { name: 'lte0', backup: true, endpointIds: [2] },
    ]);
  });
});

describe('the captured scene at the server', () => {
  it('shows the dual-stack listener’s IPv4 client as IPv4, and the announced endpoint', async () => {
    const { connections, subflows, endpoints } = facts(await snapshotOf(await capturedNetlink('server')));
    const dual = connections.find(({ local }) => local === '10.77.1.2:7002');
    expect(dual?.remote).toBe('10.77.1.1:56324');
    expect(subflows.every(({ local }) => !local.startsWith('::ffff:'))).toBe(true);
    expect(endpoints).toEqual([{ id: 1, address: '10.77.2.2', flags: ['signal'] }]);
    expect(connections).toHaveLength(6);
  });
});
