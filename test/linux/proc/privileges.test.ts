import { describe, expect, it } from 'vitest';
import { hasNetAdmin } from '../../../exporter/src/linux/proc/privileges.ts';

describe('CAP_NET_ADMIN in /proc/PID/status', () => {
  it.each([
    ['all of root', 'CapInh:\t0000000000000000\nCapEff:\t000001ffffffffff\n', true],
    ['that one alone', 'CapEff:\t0000000000001000\n', true],
    ['all but that one', 'CapEff:\t000001ffffffefff\n', false],
    ['permitted but not in effect', 'CapPrm:\t0000000000001000\nCapEff:\t0000000000000000\n', false],
    ['no such line', 'Name:\tnode\n', undefined],
    ['nonsense', 'CapEff:\tzz\n', undefined],
  ])('%s', (_name, status, expected) => {
    expect(hasNetAdmin(status)).toBe(expected);
  });
});
