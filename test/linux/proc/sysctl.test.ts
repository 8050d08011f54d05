import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSysctls } from '../../../exporter/src/linux/proc/sysctl.ts';
import { fixture, fixturePath, procTree } from './tree.ts';

/** `sysctl net.mptcp` lines as the files they come from. */
function asFiles(text: string): Record<string, string> {
  const lines = text.trim().split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const [key, value] = line.split(' = ', 2);
      return [`sys/${key?.replaceAll('.', '/')}`, `${value}\n`];
    }),
  );
}

function tree(values: Readonly<Record<string, string>>): string {
  return procTree(
    Object.fromEntries(Object.entries(values).map(([name, value]) => [`sys/net/mptcp/${name}`, `${value}\n`])),
  );
}

describe('readSysctls', () => {
  it('reads the captured sysctls of 6.18', async () => {
    const files = asFiles(fixture('linux-6.18/client/sysctl.txt'));
    const sysctls = await readSysctls(procTree(files));
    expect(sysctls).toMatchObject({ enabled: true, scheduler: 'default', pathManager: 'kernel' });
    const expected = Object.entries(files)
      .filter(([, value]) => /^\d+\n$/.test(value))
      .map(([name, value]) => [name.replace('sys/net/mptcp/', ''), Number(value)]);
    expect([...sysctls.numeric].sort()).toEqual(expected.sort());
    expect(sysctls.numeric.get('stale_loss_cnt')).toBe(4);
  });

  it.each([
    ['0', 'kernel'],
    ['1', 'userspace'],
    ['2', 'type 2'],
  ])('tells the path manager by pm_type %s on kernels before 6.15', async (type, pathManager) => {
    expect(await readSysctls(tree({ enabled: '1', pm_type: type }))).toMatchObject({ pathManager });
  });

  it('believes path_manager before the deprecated pm_type', async () => {
    const sysctls = await readSysctls(tree({ enabled: '1', pm_type: '0', path_manager: 'bpf_pm' }));
    expect(sysctls.pathManager).toBe('bpf_pm');
  });

  it('reads the out-of-tree kernel under its own names, none lost', async () => {
    expect(await readSysctls(fixturePath('out-of-tree-v0.91'))).toEqual({
      enabled: true,
      scheduler: 'default',
      pathManager: 'fullmesh',
      numeric: new Map([
        ['mptcp_checksum', 1],
        ['mptcp_debug', 0],
        ['mptcp_enabled', 1],
        ['mptcp_syn_retries', 3],
        ['mptcp_version', 0],
      ]),
    });
  });

  it('leaves out what a kernel does not have', async () => {
    const sysctls = await readSysctls(fixturePath('out-of-tree-v0.86'));
    expect(sysctls).not.toHaveProperty('scheduler');
    expect(sysctls).not.toHaveProperty('pathManager');
    expect(sysctls.numeric.get('mptcp_ndiffports')).toBe(1);
  });

  it.each([
    ['enabled', '0', false],
    ['mptcp_enabled', '0', false],
    ['mptcp_enabled', '2', true],
  ])('reads %s = %s as enabled %s', async (name, value, enabled) => {
    expect(await readSysctls(tree({ [name]: value }))).toMatchObject({ enabled });
  });

  it('leaves out an entry that cannot be read, and keeps the others', async () => {
    const root = tree({ enabled: '1', scheduler: '' });
    mkdirSync(join(root, 'sys/net/mptcp/close_timeout'));
    const sysctls = await readSysctls(root);
    expect(sysctls).toEqual({ enabled: true, numeric: new Map([['enabled', 1]]) });
  });

  it('fails when no entry can be read: that is not a kernel without sysctls', async () => {
    const root = procTree({});
    mkdirSync(join(root, 'sys/net/mptcp/enabled'), { recursive: true });
    await expect(readSysctls(root)).rejects.toMatchObject({ code: 'unreadable' });
  });

  it('tells a kernel without MPTCP, with a remedy', async () => {
    await expect(readSysctls(procTree({ 'sys/net/ipv4/ip_forward': '0\n' }))).rejects.toMatchObject({
      code: 'not_supported',
      message: expect.stringContaining('this kernel has no MPTCP'),
      remedy: expect.stringContaining('CONFIG_MPTCP'),
    });
  });
});
