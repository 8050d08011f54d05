import { isAtLeast, parseVersion } from '../../linux/tool/version.ts';
import type { Facts } from './facts.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** The kernel: has it MPTCP, is it on, do its settings fit. */
export function kernelFindings({ reading }: Facts): readonly Finding[] {
  const release = reading.kernelRelease ?? 'of unknown release';
  const { value: sysctls, failure } = reading.sysctl ?? {};
  if (sysctls === undefined)
    return [fail('kernel', failure?.message ?? 'the sysctls were not read', 'Boot a kernel built with CONFIG_MPTCP')];
  return [kernel(release, reading.kernel), ...settings(reading.kernel, sysctls)];
}

function kernel(release: string, kind: Facts['reading']['kernel']): Finding {
  if (kind === 'out-of-tree')
    return warn(
      'kernel',
      `Linux ${release} with the out-of-tree MPTCP, which tells less`,
      'Linux 6.8 or later has MPTCP of its own, which tells of every subflow; mptcp_capability has what is missing here',
    );
  const version = parseVersion(release);
  if (version !== undefined && !isAtLeast(version, 5, 10))
    return warn(
      'kernel',
      `Linux ${release} cannot list its MPTCP connections`,
      'Use Linux 5.10 or later; 6.8 or later tells most',
    );
  return ok('kernel', `Linux ${release} with MPTCP`);
}

type Sysctls = NonNullable<NonNullable<Facts['reading']['sysctl']>['value']>;

function settings(kind: Facts['reading']['kernel'], { enabled, numeric, pathManager }: Sysctls): readonly Finding[] {
  const name = kind === 'out-of-tree' ? 'net.mptcp.mptcp_enabled' : 'net.mptcp.enabled';
  const findings = [
    enabled === false
      ? fail(
          'enabled',
          'MPTCP is switched off',
          `sysctl -w ${name}=1, and a line ${name}=1 in /etc/sysctl.d/mptcp.conf`,
        )
      : ok('enabled', 'MPTCP is switched on'),
  ];
  if (kind === 'out-of-tree') return findings;
  if (pathManager !== undefined && pathManager !== 'kernel')
    findings.push(
      warn(
        'path manager',
        `"${pathManager}" decides about subflows, so the kernel's endpoints and limits do not count`,
        'Unless a program such as mptcpd does so: sysctl -w net.mptcp.path_manager=kernel (before Linux 6.15: net.mptcp.pm_type=0)',
      ),
    );
  if (numeric.get('stale_loss_cnt') === 0)
    findings.push(
      warn(
        'sysctls',
        'stale_loss_cnt is 0: what was sent over a dead path waits there instead of going by another',
        'sysctl -w net.mptcp.stale_loss_cnt=4',
      ),
    );
  else findings.push(ok('sysctls', 'nothing in net.mptcp keeps data on dead paths'));
  return findings;
}
