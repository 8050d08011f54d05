import { describe, expect, it } from 'vitest';
import { recommendationCommands } from '../../exporter/src/mptcp/recommendation-command.ts';

describe('the command of a recommendation', () => {
  it('changes every endpoint of the path', () => {
    expect(recommendationCommands('make_backup', { endpointIds: [2, 5], interfaceName: 'lte0' }, 'upstream')).toEqual([
      'ip mptcp endpoint change id 2 backup',
      'ip mptcp endpoint change id 5 backup',
    ]);
    expect(recommendationCommands('use_for_aggregation', { endpointIds: [2] }, 'upstream')).toEqual([
      'ip mptcp endpoint change id 2 nobackup',
    ]);
  });

  it('is by interface on the out-of-tree kernel', () => {
    const path = { endpointIds: [], interfaceName: 'lte0' };
    expect(recommendationCommands('make_backup', path, 'out-of-tree')).toEqual([
      'ip link set dev lte0 multipath backup',
    ]);
    expect(recommendationCommands('use_for_aggregation', path, 'out-of-tree')).toEqual([
      'ip link set dev lte0 multipath on',
    ]);
  });

  it('is none where nothing is to be done, and unknown where there is nothing to change', () => {
    expect(recommendationCommands('none', { endpointIds: [2] }, 'upstream')).toEqual([]);
    expect(recommendationCommands('make_backup', { endpointIds: [] }, 'upstream')).toBeUndefined();
    expect(recommendationCommands('make_backup', { endpointIds: [] }, 'out-of-tree')).toBeUndefined();
  });
});
