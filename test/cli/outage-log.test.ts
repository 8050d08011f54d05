import { describe, expect, it } from 'vitest';
import { outageLog } from '../../exporter/src/cli/outage-log.ts';
import type { Reading } from '../../exporter/src/mptcp/model.ts';
import { reading, snapshot } from '../support/scene.ts';

const MISSING: Partial<Reading> = { sockets: { failure: { code: 'tool_missing', message: 'ss is missing' } } };
const SLOW: Partial<Reading> = { sockets: { failure: { code: 'timeout', message: 'ss took too long' } } };
const WITHOUT_DIAG: Partial<Reading> = {
  sockets: {
    value: { connections: [], subflows: [], connectionsFailure: { code: 'not_supported', message: 'no mptcp_diag' } },
  },
};
const OFF: Partial<Reading> = { sysctl: { value: { enabled: false, numeric: new Map() } } };

/** What is logged over these looks: level, part and message. */
function logged(looks: readonly Partial<Reading>[]): string[] {
  const lines: string[] = [];
  const write = (level: string) => (details: object, message: string) => {
    lines.push(`${level} ${'part' in details ? details.part : ''}: ${message}`);
  };
  const observe = outageLog({ info: write('info'), warn: write('warn') });
  for (const look of looks) observe(snapshot(reading({}, look)));
  return lines;
}

describe('the log of outages', () => {
  it('tells of a failure once, however long it lasts, and of its end', () => {
    expect(logged([{}, MISSING, MISSING, MISSING, {}, {}])).toEqual([
      'warn sockets: ss is missing',
      'info sockets: sockets can be read again',
    ]);
  });

  it('tells when the failure becomes another', () => {
    expect(logged([MISSING, SLOW, MISSING])).toEqual([
      'warn sockets: ss is missing',
      'warn sockets: ss took too long',
      'warn sockets: ss is missing',
    ]);
  });

  it('tells that connections are not listed although the sockets can be read', () => {
    expect(logged([WITHOUT_DIAG, WITHOUT_DIAG, {}])).toEqual([
      'warn connections: no mptcp_diag',
      'info connections: connections can be read again',
    ]);
  });

  it('tells that MPTCP is switched off, and on again', () => {
    expect(logged([OFF, OFF, {}])).toEqual([
      'warn mptcp: new connections do not use MPTCP. Switch it on with sysctl -w net.mptcp.enabled=1',
      'info mptcp: MPTCP is switched on',
    ]);
  });

  it.each([
    ['MPTCP is switched on', OFF, { sysctl: { failure: { code: 'timeout', message: 'too slow' } } }],
    ['connections can be read', WITHOUT_DIAG, SLOW],
  ])('does not tell that %s while that cannot be known', (_name, problem, unknown) => {
    const [first] = logged([problem]);
    expect(logged([problem, unknown, problem]).filter((line) => line.startsWith('info'))).toHaveLength(1);
    expect(logged([problem, unknown, problem]).filter((line) => line === first)).toHaveLength(1);
  });
});
