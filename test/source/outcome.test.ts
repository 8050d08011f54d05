import { describe, expect, it } from 'vitest';
import { ExporterError } from '../../exporter/src/errors.ts';
import { outcome } from '../../exporter/src/source/outcome.ts';

describe('a part of a reading', () => {
  it('that can be read is its value, also when that is nothing', async () => {
    expect(await outcome(() => 7)).toEqual({ value: 7 });
    expect(await outcome(async () => [])).toEqual({ value: [] });
  });

  it('that cannot is the code and one line with the remedy', async () => {
    const error = new ExporterError('permission_denied', 'no', { remedy: 'Run as root.' });
    expect(await outcome(() => Promise.reject(error))).toEqual({
      failure: { code: 'permission_denied', message: 'no. Run as root.' },
    });
  });

  it('that breaks is an internal failure, not an exception', async () => {
    const breaking = (): never => {
      throw new TypeError('oops\nat line 3');
    };
    expect(await outcome(breaking)).toEqual({ failure: { code: 'internal', message: 'oops' } });
  });
});
