import { readdirSync } from 'node:fs';

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

function countDescriptors(): number | undefined {
  try {
    // One of them is the listing's own.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    // Some sandboxes hide it; the metric is then absent, which says so.
    return undefined;
  }
}
