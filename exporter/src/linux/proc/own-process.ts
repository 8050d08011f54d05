import { readdirSync, statSync } from 'node:fs';

/** What this process uses. */
export interface OwnProcess {
  readonly userCpuSeconds: number;
  readonly systemCpuSeconds: number;
  readonly residentBytes: number;
  /** Absent where /proc/self/fd cannot be listed. */
  readonly openDescriptors?: number;
  readonly startTimestampSeconds: number;
}

const START_SECONDS = Date.now() / 1000 - process.uptime();

/** Reads what this process uses; never throws. */
export function readOwnProcess(): OwnProcess {
  const { user, system } = process.cpuUsage();
  const openDescriptors = countDescriptors();
  return {
    userCpuSeconds: user / 1e6,
    systemCpuSeconds: system / 1e6,
    residentBytes: process.memoryUsage.rss(),
    ...(openDescriptors !== undefined && { openDescriptors }),
    startTimestampSeconds: START_SECONDS,
  };
}

const DESCRIPTORS = '/proc/self/fd';

function countDescriptors(): number | undefined {
  try {
    // Since 6.2 the directory's size is their number (fs/proc/fd.c); before, it is 0 and they must be listed.
    const { size } = statSync(DESCRIPTORS);
    // One of them is the listing's own.
    return size > 0 ? size : readdirSync(DESCRIPTORS).length - 1;
  } catch {
    // Some sandboxes hide it; the metric is then absent, which says so.
    return undefined;
  }
}
