import { describe, expect, it } from 'vitest';
import { stateFileOf } from '../../exporter/src/cli/probe-budget.ts';
import { DEFAULT_BUDGET } from '../../exporter/src/config/probes/settings.ts';

describe('the account of the budget', () => {
  const of = (environment: Record<string, string>, uid = 1000, stateFile = DEFAULT_BUDGET.stateFile) =>
    stateFileOf({ stateFile }, { uid, environment, home: '/home/me' });

  it('is where the configuration says', () => {
    expect(of({ STATE_DIRECTORY: '/var/lib/x' }, 0, '/data/budget.json')).toBe('/data/budget.json');
  });

  it("is in systemd's state directory, else in /var/lib for root, else among the user's own state", () => {
    expect(of({ STATE_DIRECTORY: '/var/lib/private/mptcp-exporter:/other' })).toBe(
      '/var/lib/private/mptcp-exporter/probe-budget.json',
    );
    expect(of({}, 0)).toBe('/var/lib/mptcp-exporter/probe-budget.json');
    expect(of({})).toBe('/home/me/.local/state/mptcp-exporter/probe-budget.json');
    expect(of({ XDG_STATE_HOME: '/state' })).toBe('/state/mptcp-exporter/probe-budget.json');
    expect(of({ XDG_STATE_HOME: 'relative' })).toBe('/home/me/.local/state/mptcp-exporter/probe-budget.json');
  });
});
