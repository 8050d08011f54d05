import { readText } from './read.ts';

/** CAP_NET_ADMIN of uapi/linux/capability.h. */
const NET_ADMIN_BIT = 12n;

/** Whether a process with this /proc/PID/status has CAP_NET_ADMIN in effect; absent when the text does not say. */
export function hasNetAdmin(status: string): boolean | undefined {
  const effective = /^CapEff:\s*([0-9a-f]{1,16})$/im.exec(status)?.[1];
  return effective === undefined ? undefined : ((BigInt(`0x${effective}`) >> NET_ADMIN_BIT) & 1n) === 1n;
}

/** Whether this process has CAP_NET_ADMIN in effect; absent when /proc does not tell. */
export async function runsWithNetAdmin(): Promise<boolean | undefined> {
  // Our own process: never under --path.procfs, which may be another machine's.
  return hasNetAdmin(await readText('/proc/self/status'));
}
