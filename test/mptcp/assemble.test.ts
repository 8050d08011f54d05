import { describe, expect, it } from 'vitest';
import type { PathRule, Snapshot } from '../../exporter/src/mptcp/model.ts';
import { SUBFLOW_FLAG } from '../../exporter/src/mptcp/model.ts';
import { connection, INTERFACES, JOINED, networkInterface, reading, snapshot, subflow } from '../support/scene.ts';

const pathsOf = (one: Snapshot) => one.sockets.value?.subflows.map(({ path }) => path);

describe('joining subflows to connections', () => {
  it('goes by token, so that mixed address families and equal ports do not matter', () => {
    const joined = snapshot(
      reading({
        connections: [connection(1), connection(2, { local: { address: 'fd77:1::1', port: 40_000 } })],
        subflows: [
          subflow(2, '10.77.2.1', { cookie: 11 }),
          subflow(1, '10.77.1.1', { cookie: 12 }),
          subflow(1, 'fd77:2::1', { cookie: 13 }),
        ],
      }),
    );
    expect(joined.sockets.value?.connections.map(({ subflows }) => subflows)).toEqual([[1, 2], [0]]);
    expect(joined.sockets.value?.subflows.map(({ connection: index }) => index)).toEqual([1, 0, 0]);
  });

  it('keeps a subflow whose connection is not in the same look, as an orphan', () => {
    const joined = snapshot(reading({ subflows: [subflow(9, '10.77.1.1', { cookie: 1 })] }));
    expect(joined.sockets.value?.subflows[0]?.connection).toBeUndefined();
    expect(pathsOf(joined)).toEqual(['eth0']);
  });

  it('goes by inode where the kernel hides tokens', () => {
    const hidden = { inode: 77, cookie: 1 };
    const { token: _, ...anonymous } = connection(1, hidden);
    const { token: __, ...member } = subflow(1, '10.77.2.1', hidden);
    const joined = snapshot(reading({ connections: [anonymous], subflows: [member, { ...member, inode: 0 }] }));
    expect(joined.sockets.value?.connections[0]?.subflows).toEqual([0]);
    expect(joined.sockets.value?.subflows[1]?.connection).toBeUndefined();
  });

  it.each([
    ['initial', SUBFLOW_FLAG.capableRemote | SUBFLOW_FLAG.connected, 'initial', false],
    ['initial of a fallback', SUBFLOW_FLAG.capableLocal, 'initial', false],
    ['join', JOINED, 'join', false],
    ['join set aside here', JOINED | SUBFLOW_FLAG.backupLocal, 'join', true],
    ['join set aside there', JOINED | SUBFLOW_FLAG.backupRemote, 'join', true],
  ] as const)('tells role and backup from the flags: %s', (_name, flags, role, backup) => {
    const one = snapshot(reading({ subflows: [subflow(1, '10.77.1.1', { flags })] })).sockets.value?.subflows[0];
    expect(one).toMatchObject({ role, backup });
  });

  it('says nothing of role and backup when the source knows no flags', () => {
    const { flags: _, ...record } = subflow(1, '10.77.1.1');
    const one = snapshot(reading({ subflows: [record] })).sockets.value?.subflows[0];
    expect(one).toMatchObject({ role: undefined, backup: undefined });
  });

  it('passes a failed read on as failed, not as no connections', () => {
    const failure = { code: 'not_supported', message: 'no MPTCP here' };
    const joined = snapshot(reading({}, { sockets: { failure } }));
    expect(joined.sockets).toEqual({ failure });
    expect(joined.paths.map(({ name }) => name)).toEqual(['eth0', 'wlan0']);
  });
});

describe('placing subflows on interfaces and paths', () => {
  it.each([
    ['bound device by index', { boundInterfaceIndex: 12 }, '10.77.1.1', 'wlan0'],
    ['bound device by name', { boundInterfaceName: 'lte0' }, '10.77.1.1', 'lte0'],
    ['IPv4 address', {}, '10.77.2.1', 'wlan0'],
    ['IPv6 address', {}, 'fd77:1::1', 'eth0'],
    ['an index that is gone falls back to the address', { boundInterfaceIndex: 99 }, '10.77.2.1', 'wlan0'],
    ['an address nobody owns', {}, '192.0.2.1', 'unknown'],
  ] as const)('%s', (_name, bound, address, path) => {
    expect(pathsOf(snapshot(reading({ subflows: [subflow(1, address, bound)] })))).toEqual([path]);
  });

  it('prefers the interface with carrier when two own the address', () => {
    const interfaces = [networkInterface('dead', 1, { carrier: false }), networkInterface('alive', 1, { index: 20 })];
    const one = reading({ subflows: [subflow(1, '10.77.1.1')] }, { interfaces: { value: interfaces } });
    expect(pathsOf(snapshot(one))).toEqual(['alive']);
  });

  it('leaves a subflow on its path when its address leaves the interface', () => {
    const sockets = { subflows: [subflow(1, '10.77.2.1', { cookie: 5 })] };
    const before = snapshot(reading(sockets));
    const without = reading(sockets, { interfaces: { value: INTERFACES.slice(0, 2) } });
    expect(pathsOf(snapshot(without, [], before))).toEqual(['wlan0']);
    expect(pathsOf(snapshot(without))).toEqual(['unknown']);
  });

  const rules: PathRule[] = [
    { name: 'office', interface: 'eth0', remote: '10.77.1.0/24' },
    { name: 'fibre', interface: 'eth0', access: 'fibre' },
    { name: 'stick', local: '10.77.2.0/24', metered: true },
    { name: 'v6', local: ['2001:db8:9::/64', 'fd77:2::/64'] },
    { name: 'spare', interface: 'lte0' },
  ];

  it.each([
    ['10.77.1.1', '10.77.1.2', 'office'],
    ['10.77.1.1', '192.0.2.7', 'fibre'],
    ['10.77.2.1', '192.0.2.7', 'stick'],
    ['fd77:2::1', '2001:db8::1', 'v6'],
    ['fd77:1::1', '2001:db8::1', 'fibre'],
    ['127.0.0.1', '127.0.0.1', 'lo'],
  ])('by configuration, the first rule whose criteria all match: %s to %s is %s', (local, remote, path) => {
    const one = subflow(1, local, { remote: { address: remote, port: 1 } });
    expect(pathsOf(snapshot(reading({ subflows: [one] }), rules))).toEqual([path]);
  });

  it('lists configured paths always, and without configuration every interface that could carry one', () => {
    expect(snapshot(reading({}), rules).paths.map(({ name }) => name)).toEqual(rules.map(({ name }) => name));
    expect(snapshot(reading({})).paths).toEqual([
      { name: 'eth0', interfaceName: 'eth0', addresses: ['10.77.1.1', 'fd77:1::1'], endpointIds: [] },
      { name: 'wlan0', interfaceName: 'wlan0', addresses: ['10.77.2.1', 'fd77:2::1'], endpointIds: [] },
    ]);
  });

  it('gives a path its endpoints, and calls it backup when all that it has is', () => {
    const endpoints = {
      value: {
        endpoints: [
          { id: 1, address: '10.77.2.1', interfaceName: 'wlan0', flags: ['subflow', 'backup'] },
          { id: 2, address: 'fd77:2::1', interfaceIndex: 12, flags: ['subflow', 'backup'] },
          { id: 3, address: '10.77.1.1', flags: ['subflow'] },
        ],
      },
    };
    const { paths } = snapshot(reading({}, { endpoints }));
    expect(paths.map(({ endpointIds, backup }) => ({ endpointIds, backup }))).toEqual([
      { endpointIds: [3], backup: false },
      { endpointIds: [1, 2], backup: true },
    ]);
  });
});
