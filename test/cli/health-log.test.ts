import { describe, expect, it } from 'vitest';
import { checkLog, pathLog } from '../../exporter/src/cli/health-log.ts';
import { ExporterError } from '../../exporter/src/errors.ts';
import type { PathState, Reason } from '../../exporter/src/mptcp/health/states.ts';

function recorder() {
  const lines: string[] = [];
  const write = (level: string) => (details: object, message: string) => {
    lines.push(`${level} ${message} ${JSON.stringify(details)}`);
  };
  return { lines, log: { debug: write('debug'), info: write('info'), warn: write('warn') } };
}

describe('the log of path changes', () => {
  it.each<[PathState | undefined, PathState, readonly Reason[], string]>([
    [
      'up',
      'stalled',
      ['no_acknowledgements'],
      'warn path lte is stalled {"path":"lte","from":"up","to":"stalled","reasons":"no_acknowledgements"}',
    ],
    [
      'up',
      'degraded',
      ['high_loss', 'high_rtt'],
      'warn path lte is degraded {"path":"lte","from":"up","to":"degraded","reasons":"high_loss,high_rtt"}',
    ],
    [undefined, 'down', ['carrier_lost'], 'warn path lte is down {"path":"lte","to":"down","reasons":"carrier_lost"}'],
    ['stalled', 'up', [], 'info path lte is up {"path":"lte","from":"stalled","to":"up"}'],
    ['down', 'unused', [], 'info path lte is unused {"path":"lte","from":"down","to":"unused"}'],
    ['unused', 'up', [], 'debug path lte is up {"path":"lte","from":"unused","to":"up"}'],
    [undefined, 'up', [], 'debug path lte is up {"path":"lte","to":"up"}'],
  ])('writes one line from %s to %s', (from, to, reasons, line) => {
    const { lines, log } = recorder();
    pathLog(log)({ path: 'lte', ...(from && { from }), to, reasons: new Set(reasons) });
    expect(lines).toEqual([line]);
  });

  it('does not fill the disk when a link flaps, and says how much it left out', () => {
    const { lines, log } = recorder();
    let now = 0;
    const write = pathLog(log, () => now);
    for (; now < 60; now += 0.5) write({ path: 'lte', from: 'up', to: 'down', reasons: new Set() });
    expect(lines).toHaveLength(30);
    write({ path: 'lte', from: 'down', to: 'up', reasons: new Set() });
    expect(lines.slice(30).map((line) => line.split(' {')[0])).toEqual([
      'warn more path changes than are logged; mptcp_path_state_changes_total has all',
      'info path lte is up',
    ]);
    expect(lines[30]).toContain('"changes":90');
  });
});

describe('the log of checks', () => {
  it('tells of an outage once, of another cause, and of the end', () => {
    const { lines, log } = recorder();
    const checks = checkLog(log);
    const refused = new ExporterError('permission_denied', 'cannot bind to lte0');
    checks.made('lte');
    checks.failed(refused, 'lte');
    checks.failed(refused, 'lte');
    checks.failed(new ExporterError('unreadable', 'no descriptor is left'), 'lte');
    checks.made('eth');
    checks.made('lte');
    checks.made('lte');
    expect(lines.map((line) => line.split(' {')[0])).toEqual([
      'warn path lte cannot be checked: cannot bind to lte0',
      'warn path lte cannot be checked: no descriptor is left',
      'info path lte can be checked again',
    ]);
  });
});
