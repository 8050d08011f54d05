import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asNetwork } from '../../exporter/src/config/network.ts';

describe('networks', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7/32'],
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['2001:db8::/32', '2001:db8::/32'],
    ['::/0', '::/0'],
  ])('reads %s', (text, network) => {
    expect(asNetwork(text)).toBe(network);
  });

  it.each([
    '',
    'eth0',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.0/33',
    '192.0.2.0/',
    '192.0.2.0/-1',
    '192.0.2.0/24/1',
    '0300.0.2.1',
    '3221225985',
    '0x7f.1',
    '2001:db8::/129',
    '2001:db8:::1',
    'fe80::1%eth0',
    '::ffff:192.0.2.0/120',
    ' 192.0.2.1',
  ])('refuses %j', (text) => {
    expect(asNetwork(text)).toBeUndefined();
  });

  it('answers every text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (text) =>
        ['string', 'undefined'].includes(typeof asNetwork(text)),
      ),
    );
    fc.assert(fc.property(fc.ipV4(), (address) => asNetwork(address) === `${address}/32`));
  });
});
