import type { Run } from './exec.ts';

/** Whether systemd says that the clock is kept right over the network; undefined when it says neither. Throws what {@link Run} throws. */
export async function clockSynchronised(run: Run, timeoutMs: number): Promise<boolean | undefined> {
  const text = await run('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
    timeoutMs,
    maxBytes: 4096,
  });
  const word = text.trim();
  return word === 'yes' ? true : word === 'no' ? false : undefined;
}
