import { describe, expect, it } from 'vitest';
import { reversePathFilter } from '../../../exporter/src/linux/proc/reverse-path.ts';
import { procTree } from './tree.ts';

const tree = (all: number, own: number) =>
  procTree({ 'sys/net/ipv4/conf/all/rp_filter': `${all}\n`, 'sys/net/ipv4/conf/wwan0/rp_filter': `${own}\n` });

describe('the reverse path filter', () => {
  it.each([
    [0, 1, 1],
    [1, 0, 1],
    [2, 1, 2],
    [0, 0, 0],
  ])('of %i for all and %i of its own is %i', async (all, own, expected) => {
    expect(await reversePathFilter(tree(all, own), 'wwan0')).toBe(expected);
  });

  it('of an interface that is gone is not known', async () => {
    expect(await reversePathFilter(tree(0, 0), 'eth9')).toBeUndefined();
  });
});
