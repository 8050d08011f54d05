import { collector } from '../collector.ts';
import { gauge } from '../family.ts';

/** How this kernel's MPTCP is configured (net.mptcp sysctls, both kernels). */
export const sysctl = collector(
  'sysctl',
  ['sysctl'],
  {
    enabled: gauge(
      'mptcp_enabled',
      '1 when sysctl net.mptcp.enabled (out-of-tree: mptcp_enabled) lets sockets use MPTCP.',
    ),
    scheduler: gauge('mptcp_scheduler_info', 'The packet scheduler of new connections, from net.mptcp.scheduler.', [
      'scheduler',
    ]),
    pathManager: gauge('mptcp_path_manager_info', 'Who manages subflows, from net.mptcp.path_manager or pm_type.', [
      'path_manager',
    ]),
    value: gauge('mptcp_sysctl', 'Every numeric net.mptcp sysctl by its name.', ['name']),
  },
  ({ picture: { snapshot } }, emit) => {
    const settings = snapshot.sysctl?.value;
    if (settings === undefined) return;
    emit.enabled({}, settings.enabled === undefined ? undefined : Number(settings.enabled));
    if (settings.scheduler !== undefined) emit.scheduler({ scheduler: settings.scheduler }, 1);
    if (settings.pathManager !== undefined) emit.pathManager({ path_manager: settings.pathManager }, 1);
    for (const [name, value] of settings.numeric) emit.value({ name }, value);
  },
);
