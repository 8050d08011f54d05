import { readFileSync } from 'node:fs';
import type { SsVersions } from '../../../exporter/src/linux/tool/ss-connection.ts';
import type { End } from '../netlink/fake-kernel.ts';

/** The releases of iproute2 whose text of the scene was captured. */
export const RELEASES = ['5.10.0', '5.15.0', '6.1.0', '6.5.0', '6.10.0', '6.14.0', '7.1.0'] as const;

/** Both ends of the scene. */
export const ENDS: readonly End[] = ['client', 'server'];

/** One line per socket without header, and what `ss` prints without `-H -O`. */
export const LAYOUTS = ['', '-multiline'] as const;

/** A captured text of the scene, by its name without `.txt` where it has one. */
export function captured(end: End, name: string): string {
  const file = name.includes('.json') ? name : `${name}.txt`;
  return readFileSync(new URL(`../../fixtures/linux-6.18/${end}/${file}`, import.meta.url), 'utf8');
}

/** The release as the parsers want it, on the kernel that the scene was captured on. */
export function versionsOf(release: string): SsVersions {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  return { iproute2: { major, minor }, kernel: { major: 6, minor: 18 } };
}
