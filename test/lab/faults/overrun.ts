import type { Lab } from '../lab.ts';
import { type AppliedFault, applied } from './fault.ts';
import { exportersAt } from './programs.ts';

/** How much happens while the readers are held. */
export interface Overrun {
  /** Who cannot read meanwhile; default the exporters at the client. */
  readonly pids?: readonly number[];
  /** Changes of the client's loopback interface; each is a notification that takes 2304 bytes of the receive buffer, and the exporter has 32 MiB. */
  readonly changes?: number;
  /** Short MPTCP connections; each makes path-manager events and a destroy notification per subflow. */
  readonly connections?: number;
}

/** More happens at once than a netlink socket's buffer holds: its readers are stopped meanwhile and continued afterwards. */
export async function multicastOverrun(lab: Lab, options: Overrun = {}): Promise<AppliedFault> {
  const { changes = 20_000, connections = 1000 } = options;
  const pids = options.pids ?? (await exportersAt(lab.client)).map(({ pid }) => pid);
  try {
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    const aliases = Array.from({ length: changes }, (_, i) => `link set dev lo alias change${i}`);
    await lab.client.batch('ip', [...aliases, 'link set dev lo alias ""']);
    if (connections > 0) await lab.transfer({ bytes: 1, connections });
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
  return applied(lab, { name: 'multicast-overrun', detail: `${pids.length} readers were held` });
}
