import { describe, expect, it } from 'vitest';
import { errnoError, errnoOf } from '../../exporter/src/linux/errno.ts';

describe('an errno', () => {
  it.each([
    [1, 'permission_denied', 'EPERM'],
    [13, 'permission_denied', 'EACCES'],
    [2, 'not_supported', 'ENOENT'],
    [95, 'not_supported', 'ENOTSUP'],
    [93, 'not_supported', 'EPROTONOSUPPORT'],
    [97, 'not_supported', 'EAFNOSUPPORT'],
    [11, 'timeout', 'EAGAIN'],
    [105, 'overrun', 'ENOBUFS'],
    [4, 'interrupted', 'EINTR'],
    [19, 'unreachable', 'ENODEV'],
    [99, 'unreachable', 'EADDRNOTAVAIL'],
    [101, 'unreachable', 'ENETUNREACH'],
    [113, 'unreachable', 'EHOSTUNREACH'],
    [111, 'connection_refused', 'ECONNREFUSED'],
    [22, 'kernel_refused', 'EINVAL'],
    [16, 'kernel_refused', 'EBUSY'],
    [4242, 'kernel_refused', 'errno 4242'],
  ])('%i is %s and named %s', (errno, code, name) => {
    expect(errnoError(errno, { doing: 'ask' })).toMatchObject({ code, message: `cannot ask: ${name}` });
  });

  it("comes with the kernel's words and the remedy for its code", () => {
    const remedies = { permission_denied: 'Run as root.' };
    const error = errnoError(1, { doing: 'ask', remedies }, { detail: 'who are you' });
    expect(error.line).toBe('cannot ask: EPERM, who are you. Run as root.');
    expect(errnoError(22, { doing: 'ask', remedies }).remedy).toBeUndefined();
  });

  it('is found in an error of node:fs and in nothing else', () => {
    expect(errnoOf(Object.assign(new Error('EAGAIN'), { errno: -11 }))).toBe(11);
    expect([errnoOf(new Error('no')), errnoOf('EAGAIN'), errnoOf(undefined), errnoOf({ errno: -11 })]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
