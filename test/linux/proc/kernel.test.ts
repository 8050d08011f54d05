import { describe, expect, it } from 'vitest';
import { kernelKind, kernelRelease } from '../../../exporter/src/linux/proc/kernel.ts';
import { fixturePath, procTree } from './tree.ts';

describe('kernelKind', () => {
  it.each([
    ['out-of-tree', { 'sys/net/mptcp/mptcp_enabled': '0\n' }],
    ['upstream', { 'sys/net/mptcp/enabled': '0\n' }],
    [undefined, { 'sys/net/ipv4/ip_forward': '0\n' }],
    [undefined, {}],
  ])('tells %s by the name of the main sysctl', async (kind, files) => {
    expect(await kernelKind(procTree(files))).toBe(kind);
  });

  it('tells the captured trees', async () => {
    expect(await kernelKind(fixturePath('out-of-tree-v0.86'))).toBe('out-of-tree');
    expect(await kernelKind(fixturePath('out-of-tree-v0.91-hidden'))).toBe('out-of-tree');
  });
});

describe('kernelRelease', () => {
  it('reads the release without its newline', async () => {
    expect(await kernelRelease(fixturePath('out-of-tree-v0.86'))).toBe('3.5.7-mptcp');
  });

  it('fails where it cannot be read', async () => {
    await expect(kernelRelease(procTree({}))).rejects.toMatchObject({ code: 'not_supported' });
  });
});
