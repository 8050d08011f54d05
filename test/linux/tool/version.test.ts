import { describe, expect, it } from 'vitest';
import type { Run } from '../../../exporter/src/linux/tool/exec.ts';
import { iproute2Version } from '../../../exporter/src/linux/tool/iproute2.ts';
import { isAtLeast, parseVersion } from '../../../exporter/src/linux/tool/version.ts';

describe('a version', () => {
  it.each([
    ['6.18.44-amd64', { major: 6, minor: 18 }],
    ['5.10.0', { major: 5, minor: 10 }],
    ['7.1-rc2', { major: 7, minor: 1 }],
    ['ss utility, iproute2-6.1.0\n', { major: 6, minor: 1 }],
    ['ip utility, iproute2-6.14.0-12-g1a2b, libbpf 1.1.2\n', { major: 6, minor: 14 }],
    ['ss utility, iproute2-ss200330', undefined],
    ['BusyBox v1.36.1', undefined],
    ['', undefined],
  ])('of %j is %j', (text, version) => {
    expect(parseVersion(text)).toEqual(version);
  });

  it.each([
    [6, 4, false],
    [6, 5, true],
    [6, 10, true],
    [5, 15, false],
    [7, 0, true],
  ])('%d.%d at least 6.5: %j', (major, minor, answer) => {
    expect(isAtLeast({ major, minor }, 6, 5)).toBe(answer);
  });
});

describe('iproute2', () => {
  const answering =
    (text: string): Run =>
    async () =>
      text;

  it('5.9 and later can be used', async () => {
    expect(await iproute2Version(answering('ss utility, iproute2-5.9.0\n'), 'ss', 1000)).toEqual({
      major: 5,
      minor: 9,
    });
  });

  it.each(['ss utility, iproute2-5.8.0\n', 'ss utility, iproute2-ss200330\n', 'something else\n'])(
    'is refused with what to do, being %j',
    async (text) => {
      await expect(iproute2Version(answering(text), 'ss', 1000)).rejects.toMatchObject({
        code: 'not_supported',
        remedy: 'Install iproute2 5.9 or later, or use --source=netlink.',
      });
    },
  );
});
