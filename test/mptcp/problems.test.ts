import { describe, expect, it } from 'vitest';
import type { Failure, Reading } from '../../exporter/src/mptcp/model.ts';
import { problems } from '../../exporter/src/mptcp/problems.ts';
import { reading, snapshot } from '../support/scene.ts';

const FAILURE: Failure = { code: 'tool_missing', message: 'ss is not installed. Install it.' };
const OFF: Partial<Reading> = { sysctl: { value: { enabled: false, numeric: new Map() } } };

const of = (overrides: Partial<Reading>) => [...problems(snapshot(reading({}, overrides)))];

describe('the problems of a look', () => {
  it('are none when every part was read, or was not asked for', () => {
    expect(of({ sysctl: { value: { enabled: true, numeric: new Map() } } })).toEqual([]);
    expect(of({})).toEqual([]);
  });

  it('are the parts that failed', () => {
    expect(of({ sockets: { failure: FAILURE }, mib: { failure: FAILURE } })).toEqual([
      ['sockets', FAILURE],
      ['mib', FAILURE],
    ]);
  });

  it('are connections that the kernel does not list, while their subflows are there', () => {
    const sockets = { value: { connections: [], subflows: [], connectionsFailure: FAILURE } };
    expect(of({ sockets })).toEqual([['connections', FAILURE]]);
  });

  it.each([
    ['upstream', 'sysctl -w net.mptcp.enabled=1'],
    ['out-of-tree', 'sysctl -w net.mptcp.mptcp_enabled=1'],
  ] as const)('are MPTCP switched off, with the setting of the %s kernel that switches it on', (kernel, remedy) => {
    expect(of({ ...OFF, kernel })).toEqual([
      ['mptcp', { code: 'switched_off', message: expect.stringContaining(remedy) }],
    ]);
  });

  it('are not MPTCP switched off where the setting is not known', () => {
    expect(of({ sysctl: { value: { numeric: new Map() } } })).toEqual([]);
  });
});
