import { describe, expect, it } from 'vitest';
import { ErrorTally } from '../../exporter/src/error-tally.ts';
import { pathHealth } from '../../exporter/src/metrics/collectors/path-health.ts';
import { type PathHealth, type PathState, REASONS, type Reason } from '../../exporter/src/mptcp/health/states.ts';
import { Histogram } from '../../exporter/src/mptcp/histogram.ts';
import type { HealthPicture, JudgedPath } from '../../exporter/src/observer/health-watch.ts';
import { Observer } from '../../exporter/src/observer.ts';
import { printedBy } from '../support/collected.ts';
import { judgement } from '../support/judgement.ts';
import { reading } from '../support/scene.ts';

const judged = (state: PathState, reasons: readonly Reason[] = [], more: Partial<PathHealth> = {}): JudgedPath => ({
  judgement: judgement(state, reasons, more),
  changedAtSeconds: 1_700_000_000.25,
  failovers: new Histogram([1]),
  recoveries: new Histogram([1]),
});

/** What the collector says of these paths: each sample as `family{label values} value`. */
const said = async (paths: Readonly<Record<string, JudgedPath>>, health: Partial<HealthPicture> = {}) => {
  const observer = new Observer({
    source: { name: 'netlink', kernel: 'upstream', read: async () => reading({}), close: () => undefined },
    rules: [],
    sampleIntervalMs: 1000,
    subflowLimit: 200,
    parts: new Set(),
    errors: new ErrorTally(),
  });
  const picture = {
    ...(await observer.look()),
    health: {
      known: true,
      paths: new Map(Object.entries(paths)),
      formerPaths: new Map(),
      stateOf: () => undefined,
      ...health,
    },
  };
  return printedBy(pathHealth, picture, 'mptcp_path_');
};

describe('the metrics of path health', () => {
  it.each<[PathState, number]>([
    ['up', 1],
    ['degraded', 1],
    ['unused', 1],
    ['stalled', 0],
    ['down', 0],
    ['missing', 0],
  ])('a path that is %s has mptcp_path_up %d and this one state', async (state, up) => {
    const lines = await said({ lte: judged(state) });
    expect(lines).toContain(`up{lte} ${up}`);
    const standing = lines.filter((line) => line.startsWith('state{') && line.endsWith(' 1'));
    expect(standing).toEqual([`state{lte,${state}} 1`]);
    expect(lines.filter((line) => line.startsWith('state{'))).toHaveLength(6);
  });

  it.each(REASONS.map((reason) => [reason] as const))('the reason %s stands, and the others are 0', async (reason) => {
    const lines = (await said({ lte: judged('missing', [reason]) })).filter((line) => line.startsWith('state_reason{'));
    expect(lines).toHaveLength(REASONS.length);
    expect(lines.filter((line) => !line.endsWith(' 0'))).toEqual([`state_reason{lte,${reason}} 1`]);
  });

  it('gives the time of the last change, and every counter from 0 on', async () => {
    const lines = await said({ lte: judged('up') }, { checks: new Map() });
    for (const line of [
      'last_change_timestamp_seconds{lte} 1700000000.25',
      'state_changes_total{lte,stalled} 0',
      'failover_duration_seconds_bucket{lte,1} 0',
      'failover_duration_seconds_count{lte} 0',
      'recovery_duration_seconds_sum{lte} 0',
      'checks_total{lte,alive} 0',
      'checks_total{lte,dead} 0',
      'checks_total{lte,failed} 0',
    ]) {
      expect(lines).toContain(line);
    }
  });

  it('counts checks and durations by path', async () => {
    const path = judged('up');
    path.failovers.observe(0.4);
    path.failovers.observe(7);
    const lines = await said({ lte: path }, { checks: new Map([['lte', { alive: 3, dead: 2, failed: 1 }]]) });
    expect(lines).toEqual(
      expect.arrayContaining([
        'failover_duration_seconds_bucket{lte,1} 1',
        'failover_duration_seconds_bucket{lte,+Inf} 2',
        'failover_duration_seconds_sum{lte} 7.4',
        'checks_total{lte,alive} 3',
        'checks_total{lte,dead} 2',
        'checks_total{lte,failed} 1',
      ]),
    );
  });

  it('has no checks to count, rather than 0, where none are made', async () => {
    expect((await said({ lte: judged('up') })).filter((line) => line.startsWith('checks'))).toEqual([]);
  });

  it('is brief about an interface that MPTCP never used', async () => {
    const families = (lines: readonly string[]) => new Set(lines.map((line) => line.replace(/\{.*/, '')));
    const never = families(await said({ veth7: judged('unused') }, { checks: new Map() }));
    expect(never).toEqual(new Set(['up', 'state', 'last_change_timestamp_seconds', 'state_changes_total']));
    const changes = { ...judgement('unused').changes, unused: 1 };
    const once = families(await said({ lte: judged('unused', [], { changes }) }, { checks: new Map() }));
    expect(once).toContain('state_reason');
    expect(once).toContain('checks_total');
  });

  it('keeps the counters, and says no state, of a path that is judged no more', async () => {
    const gone = judged('down', ['interface_gone'], { changes: { ...judgement('down').changes, down: 3 } });
    gone.failovers.observe(0.4);
    const lines = await said(
      { lte: judged('up') },
      { formerPaths: new Map([['stick', gone]]), checks: new Map([['stick', { alive: 3, dead: 2, failed: 1 }]]) },
    );
    expect(lines.filter((line) => /^(up|state|state_reason|last_change_timestamp_seconds)\{stick/.test(line))).toEqual(
      [],
    );
    expect(lines).toEqual(
      expect.arrayContaining([
        'state_changes_total{stick,down} 3',
        'failover_duration_seconds_count{stick} 1',
        'recovery_duration_seconds_count{stick} 0',
        'checks_total{stick,dead} 2',
      ]),
    );
  });

  it('keeps the counters, and says no state, when nothing could be judged for long', async () => {
    const lines = await said({ lte: judged('stalled', ['no_acknowledgements']) }, { known: false, checks: new Map() });
    expect(lines.filter((line) => /^(up|state|state_reason|last_change_timestamp_seconds)\{/.test(line))).toEqual([]);
    expect(lines).toContain('state_changes_total{lte,stalled} 0');
    expect(lines).toContain('checks_total{lte,dead} 0');
  });
});
