import type { KernelKind, Path } from './model.ts';
import type { Action } from './recommendation.ts';

/**
 * The commands that do what is recommended for a path, one a line, for people to run; none where nothing is to be done. Upstream
 * kernels have it by endpoint (iproute2 5.13 and later), the out-of-tree ones by interface. `undefined`: the path has no
 * endpoint that could be changed, such as the one that new connections begin on.
 */
export function recommendationCommands(
  action: Action,
  { endpointIds, interfaceName }: Pick<Path, 'endpointIds' | 'interfaceName'>,
  kernel: KernelKind,
): readonly string[] | undefined {
  if (action === 'none') return [];
  if (kernel === 'out-of-tree') {
    const flag = action === 'make_backup' ? 'backup' : 'on';
    return interfaceName === undefined
      ? undefined
      : interfaceName.split(',').map((name) => `ip link set dev ${name} multipath ${flag}`);
  }
  if (endpointIds.length === 0) return undefined;
  const flag = action === 'make_backup' ? 'backup' : 'nobackup';
  return endpointIds.map((id) => `ip mptcp endpoint change id ${id} ${flag}`);
}
