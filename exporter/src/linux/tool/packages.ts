/** Debian packages by program. */
const PACKAGES: ReadonlyMap<string, string> = new Map([
  ['ss', 'iproute2'],
  ['ip', 'iproute2'],
  ['ping', 'iputils-ping'],
  ['curl', 'curl'],
  ['iperf3', 'iperf3'],
  ['mptcpize', 'mptcpize'],
]);

/** One sentence on how to get a program that is missing; it names the Debian package where we know it. */
export function installRemedy(program: string): string {
  const name = PACKAGES.get(program);
  return name === undefined
    ? `Install ${program}.`
    : `Install the package ${name} (on Debian: apt-get install ${name}).`;
}
