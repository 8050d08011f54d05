/**
 * Milliseconds of processor time that this process, which runs one test at a time, spent on the work. Others that want the
 * same processors lengthen the time on the clock, but not this.
 */
export function processorMs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
