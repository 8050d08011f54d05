import { describe, expect, it } from 'vitest';
import { PARTS, type Part, type Reading } from '../../exporter/src/mptcp/model.ts';
import { openProcfsSource } from '../../exporter/src/source/procfs.ts';
import { fixture, fixturePath, outOfTree, procTree } from '../linux/proc/tree.ts';

async function read(procfs: string, parts: readonly Part[] = PARTS): Promise<Reading> {
  const source = await openProcfsSource({ procfs });
  try {
    return await source.read(new Set(parts));
  } finally {
    source.close();
  }
}

describe('openProcfsSource', () => {
  it('reads the two-uplink scene: connections, subflows, interfaces, counters, sysctls', async () => {
    const reading = await read(fixturePath('out-of-tree-v0.91'));
    expect(reading).toMatchObject({ source: 'procfs', kernel: 'out-of-tree', incidents: [] });
    expect(reading.sockets.value?.connections.map(({ token }) => token?.toString(16).padStart(8, '0'))).toEqual([
      '2d0b85ba',
      '8a41f0d3',
      'c00ffee1',
      '073a8808',
      '5eed5eed',
    ]);
    expect(reading.sockets.value?.subflows).toHaveLength(8);
    expect(reading.interfaces.value?.map(({ name }) => name)).toEqual(['eth0', 'wwan0', 'lo']);
    expect(reading.mib?.value?.get('MPTCPRetrans')).toBe(1207);
    expect(reading.sysctl?.value?.scheduler).toBe('default');
  });

  it('gives every subflow a local address that an interface owns', async () => {
    const reading = await read(fixturePath('out-of-tree-v0.91'));
    const owner = (address: string): string | undefined =>
      reading.interfaces.value?.find(({ addresses }) => addresses.some((entry) => entry.address === address))?.name;
    const names = reading.sockets.value?.subflows.map(({ local }) => owner(local.address));
    expect(names?.filter((name) => name === 'eth0')).toHaveLength(5);
    expect(names?.filter((name) => name === 'wwan0')).toHaveLength(3);
  });

  it('reads the older layout, whose kernel has no counters and no IPv6', async () => {
    const reading = await read(fixturePath('out-of-tree-v0.86'));
    expect(reading.sockets.value?.connections).toMatchObject([
      { token: 0x1f00a9c4, totalSubflows: 2 },
      { token: 0x4be2210f, state: 'close_wait' },
    ]);
    expect(reading.sockets.value?.subflows).toMatchObject([
      { state: 'established', local: { address: '192.168.1.10' }, token: 0x1f00a9c4 },
      { state: 'syn_sent', local: { address: '10.64.12.6' }, token: 0x1f00a9c4, tcp: { backoff: 1 } },
      { state: 'close_wait', token: 0x4be2210f },
    ]);
    expect(reading).not.toHaveProperty('mib');
    expect(reading.capabilities.get('mib')).toBe(false);
    expect(reading.incidents).toEqual([]);
  });

  it('reads a tree whose tokens are hidden, with the inode left to join by', async () => {
    const { sockets } = await read(fixturePath('out-of-tree-v0.91-hidden'));
    expect(sockets.value?.subflows).toHaveLength(8);
    for (const record of [...(sockets.value?.subflows ?? []), ...(sockets.value?.connections ?? [])]) {
      expect(record).not.toHaveProperty('token');
    }
    expect(sockets.value?.subflows.filter(({ inode }) => inode === 21895)).toHaveLength(2);
  });

  it('says what this kernel cannot tell, and leaves it out', async () => {
    const reading = await read(fixturePath('out-of-tree-v0.91'));
    expect(Object.fromEntries(reading.capabilities)).toEqual({
      connection_bytes: false,
      connection_ages: false,
      subflow_bytes: false,
      subflow_rtt: false,
      subflow_ages: false,
      subflow_token: false,
      subflow_ids: false,
      endpoints: false,
      limits: false,
      interface_carrier: false,
      mib: true,
    });
    expect(reading).not.toHaveProperty('endpoints');
  });

  it('reads only the parts asked for, sockets and interfaces always', async () => {
    const reading = await read(fixturePath('out-of-tree-v0.91'), []);
    expect(reading.sockets.value?.connections).toHaveLength(5);
    expect(reading.interfaces.value).toHaveLength(3);
    for (const absent of ['mib', 'sysctl', 'endpoints']) expect(reading).not.toHaveProperty(absent);
    expect(reading.capabilities.has('mib')).toBe(false);
  });

  it('skips corrupt rows, and counts each by its part', async () => {
    const corrupt = (name: string): string => `${fixture(`out-of-tree-v0.91/${name}`)}garbage in a row\n`;
    const names = ['net/mptcp_net/mptcp', 'net/tcp6', 'net/dev', 'net/mptcp_net/snmp'];
    const reading = await read(outOfTree(Object.fromEntries(names.map((name) => [name, corrupt(name)]))));
    expect(reading.sockets.value?.subflows).toHaveLength(8);
    expect(reading.interfaces.value).toHaveLength(3);
    expect(reading.incidents.map(({ part, code }) => `${part} ${code}`).sort()).toEqual([
      'interfaces malformed',
      'mib malformed',
      'sockets malformed',
      'sockets malformed',
    ]);
  });

  it.each<[string, string | null, Part, string]>([
    ['net/tcp', null, 'sockets', 'not_supported'],
    ['net/tcp', 'nonsense\n', 'sockets', 'malformed'],
    ['net/mptcp_net/mptcp', 'nonsense\n', 'sockets', 'malformed'],
    ['net/dev', null, 'interfaces', 'not_supported'],
    ['net/mptcp_net/snmp', 'nonsense\n', 'mib', 'malformed'],
  ])('when %s is %j only the part %s fails, as %s', async (name, text, part, code) => {
    const reading = await read(outOfTree({ [name]: text }));
    const outcomes = {
      sockets: reading.sockets,
      interfaces: reading.interfaces,
      mib: reading.mib,
      sysctl: reading.sysctl,
    };
    for (const [other, result] of Object.entries(outcomes)) {
      expect([other, result?.failure?.code]).toEqual([other, other === part ? code : undefined]);
    }
  });

  it('refuses any other kernel, with a remedy', async () => {
    await expect(openProcfsSource({ procfs: procTree({ 'sys/net/mptcp/enabled': '1\n' }) })).rejects.toMatchObject({
      code: 'not_supported',
      message: expect.stringContaining('upstream'),
      remedy: 'Use --source=auto.',
    });
    await expect(openProcfsSource({ procfs: procTree({}) })).rejects.toMatchObject({ code: 'not_supported' });
  });
});
