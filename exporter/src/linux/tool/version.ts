/** The first two numbers of a release, which is as fine as formats change. */
export interface Version {
  readonly major: number;
  readonly minor: number;
}

/**
 * Reads `6.18.44-amd64` or `ss utility, iproute2-6.1.0, libbpf 1.1.2`; undefined when there is no such number, as in
 * `iproute2-ss200330` (5.6).
 */
export function parseVersion(text: string): Version | undefined {
  const match = /(?:^|iproute2-)(\d{1,4})\.(\d{1,4})(?!\d)/.exec(text.trim());
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

/** True when a version is `major.minor` or later. */
export function isAtLeast(version: Version, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}
