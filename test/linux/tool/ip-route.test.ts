import { describe, expect, it } from 'vitest';
import { clockSynchronised } from '../../../exporter/src/linux/tool/clock.ts';
import type { Run } from '../../../exporter/src/linux/tool/exec.ts';
import { readRoute } from '../../../exporter/src/linux/tool/ip-route.ts';

/** What iproute2 6.1 printed on Linux 6.18. */
const CAPTURED: Readonly<Record<string, string>> = {
  '-j route get 203.0.113.1 from 10.2.0.2':
    '[{"dst":"203.0.113.1","from":"10.2.0.2","gateway":"10.1.0.1","dev":"d0","flags":[],"uid":0,"cache":[]}]',
  '-j route get 203.0.113.1 from 10.2.0.2 oif d1':
    '[{"dst":"203.0.113.1","from":"10.2.0.2","dev":"d1","flags":[],"uid":0,"cache":[]}]',
  '-j route get 2001:db8::1 from fd02::2 oif d1':
    '[{"dst":"2001:db8::1","from":"fd02::2","gateway":"fd01::1","dev":"d0","prefsrc":"fd01::2","metric":1024,"flags":[],"pref":"medium"}]',
  '-j route get 203.0.113.1 from 10.9.9.9': '',
};
const replay: Run = async (_, args, { acceptedExitCodes }) => {
  expect(acceptedExitCodes).toEqual([2]);
  return CAPTURED[args.join(' ')] ?? 'not captured';
};
const route = (destination: string, from: string, interfaceName?: string) =>
  readRoute(replay, { destination, from, ...(interfaceName !== undefined && { interfaceName }) }, 1000);

describe('the way that ip tells', () => {
  it('is the interface and the gateway, if there is one', async () => {
    expect(await route('203.0.113.1', '10.2.0.2')).toEqual({ interfaceName: 'd0', gateway: '10.1.0.1' });
    expect(await route('203.0.113.1', '10.2.0.2', 'd1')).toEqual({ interfaceName: 'd1' });
    expect(await route('2001:db8::1', 'fd02::2', 'd1')).toEqual({ interfaceName: 'd0', gateway: 'fd01::1' });
  });

  it('is none where the kernel has none', async () => {
    expect(await route('203.0.113.1', '10.9.9.9')).toBeUndefined();
  });

  it('is malformed for anything else', async () => {
    await expect(route('203.0.113.1', '10.8.8.8')).rejects.toMatchObject({ code: 'malformed' });
  });
});

describe('the clock', () => {
  it.each([
    ['yes\n', true],
    ['no\n', false],
    ['', undefined],
  ])('by timedatectl that says %j is %o', async (text, expected) => {
    expect(await clockSynchronised(async () => text, 1000)).toBe(expected);
  });
});
