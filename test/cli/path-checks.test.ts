import { describe, expect, it } from 'vitest';
import { openPathChecks } from '../../exporter/src/cli/path-checks.ts';
import { ErrorTally } from '../../exporter/src/error-tally.ts';
import { ExporterError } from '../../exporter/src/errors.ts';
import type { Libc } from '../../exporter/src/linux/libc.ts';

const refuse = (): never => {
  throw new ExporterError('permission_denied', 'no sockets here');
};

/** A libc that opens no socket. */
const BARE: Libc = {
  socket: refuse,
  bind: refuse,
  setsockopt: refuse,
  watch: refuse,
} as unknown as Libc;

/** Opens the checks with this way to load libc, and asks for three on a path. */
async function open(load: () => Promise<Libc>, confirm: 'connect' | 'off' = 'connect') {
  const errors = new ErrorTally();
  const lines: string[] = [];
  const write = (_: object, message: string) => lines.push(message);
  const log = { debug: write, info: write, warn: write };
  const checks = await openPathChecks({ settings: { confirm }, log, errors, load, onResult: () => undefined });
  for (let i = 0; i < 3; i++) {
    checks?.start([
      {
        path: 'lte',
        interfaceName: 'lte0',
        localAddress: '192.0.2.1',
        peer: { address: '192.0.2.2', port: 443 },
        verdictSeconds: 0.1,
        timeoutSeconds: 0.2,
      },
    ]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { checks, lines, errors: [...errors.entries()] };
}

describe('the checks of paths', () => {
  it('are not there when the configuration switches them off, without a word', async () => {
    expect(await open(async () => BARE, 'off')).toEqual({ checks: undefined, lines: [], errors: [] });
  });

  it('are not there where libc cannot be called, which is counted and logged once', async () => {
    const { checks, lines, errors } = await open(async () => {
      throw new ExporterError('ffi_unavailable', 'cannot load koffi on this platform: none', {
        remedy: 'Use --source=ss.',
      });
    });
    expect(checks).toBeUndefined();
    expect(lines).toEqual([
      'paths cannot be checked, so that a suspicion only makes one degraded: cannot load koffi on this platform: none',
    ]);
    expect(errors).toEqual([{ origin: 'health', code: 'ffi_unavailable', count: 1 }]);
  });

  it('count each that cannot be made, and log the outage once', async () => {
    const { checks, lines, errors } = await open(async () => BARE);
    expect(checks?.counts.get('lte')).toEqual({ alive: 0, dead: 0, failed: 3 });
    expect(errors).toEqual([{ origin: 'health', code: 'permission_denied', count: 3 }]);
    expect(lines).toEqual([expect.stringContaining('path lte cannot be checked: no sockets here')]);
  });
});
