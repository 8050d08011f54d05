import type { Run } from '../../exporter/src/linux/tool/exec.ts';
import { openNetlinkSource } from '../../exporter/src/source/netlink.ts';
import { openProcfsSource } from '../../exporter/src/source/procfs.ts';
import type { Source } from '../../exporter/src/source/source.ts';
import { openSsSource } from '../../exporter/src/source/ss.ts';
import { type End, sceneKernel } from '../linux/netlink/fake-kernel.ts';
import { procTree } from '../linux/proc/tree.ts';
import { captured } from '../linux/tool/captures.ts';

/** A /proc with the captured counters and sysctls of one end. */
function capturedProcfs(end: End): string {
  const sysctls = captured(end, 'sysctl')
    .trim()
    .split('\n')
    .map((line) => line.split(' = ') as [string, string])
    .map(([name, value]) => [`sys/${name.replaceAll('.', '/')}`, `${value}\n`] as const);
  return procTree({
    'net/netstat': captured(end, 'proc-netstat'),
    'sys/kernel/osrelease': '6.18.44\n',
    ...Object.fromEntries(sysctls),
  });
}

/** The netlink source on the captured dumps. */
export function capturedNetlink(end: End): Promise<Source> {
  return openNetlinkSource({ procfs: capturedProcfs(end), connect: sceneKernel(end).connect });
}

/** The ss source on what one release of iproute2 printed. */
export function capturedSs(end: End, release: string): Promise<Source> {
  const answers: Readonly<Record<string, string>> = {
    'ss -V': `ss utility, iproute2-${release}\n`,
    'ip -V': `ip utility, iproute2-${release}\n`,
    'ss -MinHOe': captured(end, `ss-v${release}-M`),
    'ss -tinHOe': captured(end, `ss-v${release}-t`),
    'ip -j -s -s address show': captured(end, 'ip-addr.json'),
    'ip -j mptcp endpoint show': captured(end, `ip-v${release}-endpoint.json`),
    'ip mptcp endpoint show': captured(end, `ip-v${release}-endpoint`),
    'ip mptcp limits show': captured(end, `ip-v${release}-limits`),
  };
  const run: Run = async (program, args) => {
    const answer = answers[[program, ...args].join(' ')];
    if (answer === undefined) throw new Error(`not captured: ${program} ${args.join(' ')}`);
    return answer;
  };
  return openSsSource({ procfs: capturedProcfs(end), run });
}

/** The procfs source on a made tree of the out-of-tree kernel. */
export function outOfTree(version: string): Promise<Source> {
  return openProcfsSource({ procfs: new URL(`../fixtures/out-of-tree-${version}`, import.meta.url).pathname });
}
