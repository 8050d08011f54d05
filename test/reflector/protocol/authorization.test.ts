import { describe, expect, it } from 'vitest';
import {
  Authority,
  authorize,
  CLOCK_TOLERANCE_SECONDS,
} from '../../../exporter/src/reflector/protocol/authorization.ts';

const TOKEN = 'a token of 32 characters or more';
const REQUEST = { method: 'GET', target: '/v1/download?bytes=5' };
const NOW = 1_764_321_600;

describe('a signed request', () => {
  it('is let through once, and does not carry the token', () => {
    const authority = new Authority(TOKEN);
    const header = authorize(TOKEN, REQUEST, NOW);
    expect(header).not.toContain(TOKEN);
    expect(authority.check(header, REQUEST, NOW + 1)).toBe('ok');
    expect(authority.check(header, REQUEST, NOW + 1)).toBe('unauthorized');
    expect(authority.check(authorize(TOKEN, REQUEST, NOW), REQUEST, NOW)).toBe('ok');
  });

  it.each([
    ['without a header', undefined],
    ['of another scheme', 'Bearer abc'],
    ['of another token', authorize('another token', REQUEST, NOW)],
    ['of another method', authorize(TOKEN, { ...REQUEST, method: 'POST' }, NOW)],
    ['of another target', authorize(TOKEN, { ...REQUEST, target: '/v1/download?bytes=50' }, NOW)],
    ['with another time', authorize(TOKEN, REQUEST, NOW).replace(/time=\d+/, `time=${NOW + 1}`)],
    ['with another nonce', authorize(TOKEN, REQUEST, NOW).replace(/nonce=../, 'nonce=zz')],
    ['cut short', authorize(TOKEN, REQUEST, NOW).slice(0, -1)],
  ])('is refused %s', (_, header) => {
    expect(new Authority(TOKEN).check(header, REQUEST, NOW)).toBe('unauthorized');
  });

  it.each([-1, 1])('is told to be of another time (%i)', (sign) => {
    const header = authorize(TOKEN, REQUEST, NOW + sign * (CLOCK_TOLERANCE_SECONDS + 1));
    expect(new Authority(TOKEN).check(header, REQUEST, NOW)).toBe('clock');
  });

  it('is forgotten when it could not be used again, and there is a bound to what is remembered', () => {
    const authority = new Authority(TOKEN, 100);
    const first = authorize(TOKEN, REQUEST, NOW);
    expect(authority.check(first, REQUEST, NOW)).toBe('ok');
    for (let i = 0; i < 100; i += 1) authority.check(authorize(TOKEN, REQUEST, NOW), REQUEST, NOW);
    expect(authority.check(first, REQUEST, NOW)).toBe('ok'); // the oldest had to go
    expect(authority.check(authorize(TOKEN, REQUEST, NOW + 5000), REQUEST, NOW + 5000)).toBe('ok');
  });
});
