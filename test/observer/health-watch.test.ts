import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ErrorTally } from '../../exporter/src/error-tally.ts';
import { DEFAULT_HEALTH_SETTINGS } from '../../exporter/src/mptcp/health/settings.ts';
import type { CheckRequest, CheckResult } from '../../exporter/src/mptcp/health/states.ts';
import { Ledger } from '../../exporter/src/mptcp/ledger.ts';
import { type HealthOptions, HealthWatch, type PathChange } from '../../exporter/src/observer/health-watch.ts';
import { TwoFlows } from '../support/flows.ts';
import { INTERFACES, snapshot } from '../support/scene.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 2) });
  return () => vi.useRealTimers();
});

/** A watch that is fed every half second with two flows. */
function watching(options: Partial<HealthOptions> = {}, configured: readonly string[] = []) {
  const flows = new TwoFlows();
  const errors = new ErrorTally();
  const changes: PathChange[] = [];
  const ledger = new Ledger({ minimumSpanSeconds: 0.5 });
  const watch = new HealthWatch(
    { settings: DEFAULT_HEALTH_SETTINGS, onChange: (change) => changes.push({ ...change }), ...options },
    configured,
    errors,
  );
  let interfaces = INTERFACES;
  const look = () => {
    const taken = snapshot(flows.read({ interfaces: { value: interfaces } }));
    ledger.fold(taken);
    return watch.observe(taken, ledger.paths);
  };
  const run = (seconds: number) => {
    for (let i = 0; i < 2 * seconds; i++) {
      vi.advanceTimersByTime(500);
      look();
    }
  };
  const unplug = (name: string) => {
    interfaces = INTERFACES.map((one) => (one.name === name ? { ...one, carrier: false } : one));
  };
  const rename = (name: string, to: string) => {
    interfaces = INTERFACES.map((one) => (one.name === name ? { ...one, name: to } : one));
  };
  const plug = () => {
    interfaces = INTERFACES;
  };
  const picture = () => watch.picture(performance.now() / 1000);
  const judged = (path: string) => picture().paths.get(path);
  return { watch, flows, errors, changes, look, run, unplug, plug, rename, picture, judged };
}

describe('the watch over health', () => {
  it('gives states, and tells each change once: the first judgement without a state before it', () => {
    const { flows, run, changes, unplug, plug, judged } = watching();
    flows.move('up');
    run(5);
    unplug('wlan0');
    flows.wlan.dead = true;
    run(3);
    expect(judged('wlan0')?.judgement).toMatchObject({ state: 'down', reasons: new Set(['carrier_lost']) });
    plug();
    flows.wlan.dead = false;
    run(10);
    expect(changes.filter(({ path }) => path === 'wlan0').map(({ from, to }) => [from, to])).toEqual([
      [undefined, 'up'],
      ['up', 'down'],
      ['down', 'up'],
    ]);
    expect(changes.filter(({ path }) => path === 'eth0')).toHaveLength(1);
  });

  it('dates a change by the wall clock of then, the same ever after, also when that clock is set', () => {
    const { run, unplug, judged } = watching();
    run(2);
    const first = judged('wlan0')?.changedAtSeconds;
    unplug('wlan0');
    run(0.5);
    const down = judged('wlan0')?.changedAtSeconds ?? 0;
    expect(first).toBeCloseTo(Date.UTC(2026, 0, 2, 0, 0, 0, 500) / 1000, 3);
    expect(down).toBeCloseTo(Date.UTC(2026, 0, 2, 0, 0, 2, 500) / 1000, 3);
    vi.setSystemTime(Date.UTC(2031, 0, 1));
    run(20);
    expect(judged('wlan0')?.changedAtSeconds).toBe(down);
  });

  it('sums up failovers and recoveries', () => {
    const { flows, run, judged } = watching();
    flows.move('up');
    run(5);
    flows.wlan.dead = true;
    run(5);
    expect(judged('wlan0')?.failovers).toMatchObject({ count: 1 });
    flows.wlan.dead = false;
    run(20);
    expect(judged('wlan0')?.recoveries.count).toBe(1);
    expect(judged('eth0')?.failovers.count).toBe(0);
  });

  it('has checks made, and judges by their answers at the next look', () => {
    const asked: CheckRequest[] = [];
    const counts = new Map([['wlan0', { alive: 0, dead: 1, failed: 0 }]]);
    const { flows, run, watch, judged, look, picture } = watching({
      checks: { start: (requests) => asked.push(...requests), counts },
    });
    flows.move('down');
    run(5);
    flows.wlan.dead = true;
    run(3);
    expect(asked.map(({ path, interfaceName }) => [path, interfaceName])).toEqual([['wlan0', 'wlan0']]);
    expect(judged('wlan0')?.judgement.state).toBe('up');
    expect(picture().stateOf(snapshot(flows.read()).sockets.value?.subflows[1] ?? expect.fail())).toBe('silent');
    const answer: CheckResult = { path: 'wlan0', alive: false, monotonicSeconds: performance.now() / 1000 };
    watch.answer(answer);
    vi.advanceTimersByTime(100);
    look();
    expect(judged('wlan0')?.judgement).toMatchObject({ state: 'stalled', reasons: new Set(['no_data_arriving']) });
    expect(picture().checks).toBe(counts);
  });

  it('only degrades a path on suspicion where no checks can be made, and says nothing of checks', () => {
    const { flows, run, judged, picture } = watching();
    flows.move('down');
    run(5);
    flows.wlan.dead = true;
    run(10);
    expect(judged('wlan0')?.judgement).toMatchObject({ state: 'degraded', reasons: new Set(['no_data_arriving']) });
    expect(picture().checks).toBeUndefined();
  });

  it('says when another look would tell more', () => {
    const { flows, run, look, judged } = watching();
    flows.move('up');
    run(5);
    expect(look()).toBeUndefined();
    flows.wlan.dead = true;
    run(0.5);
    const seconds = look() ?? Number.NaN;
    vi.advanceTimersByTime(1000 * seconds);
    look();
    expect(judged('wlan0')?.judgement.state).toBe('stalled');
    expect(seconds).toBeLessThan(0.6);
  });

  it('keeps the states through looks that failed, and what happened meanwhile for the next; after half a minute it knows no more', () => {
    const { flows, run, watch, judged, picture, look } = watching();
    flows.move('up');
    run(5);
    flows.wlan.gone = true;
    const { token = 0, local, remote } = flows.wlan.record();
    watch.heed({ name: 'subflow_closed', token, local, remote, error: 104 });
    const fail = () => {
      vi.advanceTimersByTime(500);
      watch.observe(snapshot(flows.read({ sockets: { failure: { code: 'timeout', message: '' } } })), new Map());
    };
    for (let i = 0; i < 20; i++) fail();
    expect(judged('wlan0')?.judgement).toMatchObject({ state: 'up', reasons: new Set() });
    expect(picture().known).toBe(true);
    look();
    run(0.5);
    expect(judged('wlan0')?.judgement).toMatchObject({ state: 'missing', reasons: new Set(['reset_by_peer']) });
    for (let i = 0; i < 62; i++) fail();
    expect(picture().known).toBe(false);
    look();
    expect(picture().known).toBe(true);
  });

  it('keeps a bounded number of events, and counts those it had to drop', () => {
    const { watch, errors } = watching();
    for (let i = 0; i < 5000; i++) watch.heed({ name: 'created' });
    expect([...errors.entries()]).toEqual([{ origin: 'health', code: 'overrun', count: 904 }]);
  });

  it('goes on with changes, failovers and recoveries of a path that was renamed and comes back', () => {
    const { flows, run, judged, rename, plug, picture, changes } = watching();
    flows.move('up');
    run(5);
    flows.wlan.dead = true;
    run(5);
    flows.wlan.dead = false;
    run(20);
    const sums = () => {
      const path = judged('wlan0') ?? picture().formerPaths.get('wlan0');
      return [{ ...path?.judgement.changes }, path?.failovers.count, path?.recoveries.count];
    };
    const before = sums();
    expect(before).toMatchObject([{ stalled: 1, up: 1 }, 1, 1]);
    rename('wlan0', 'uplink');
    run(3);
    expect(judged('wlan0')).toBeUndefined();
    expect(sums()).toEqual(before);
    plug();
    run(3);
    expect(picture().formerPaths.has('wlan0')).toBe(false);
    expect(sums()).toEqual(before);
    expect(changes.filter(({ path, from }) => path === 'wlan0' && from === undefined)).toHaveLength(1);
  });

  it('holds nothing of a path that is not judged any more and was of no use', () => {
    const { run, picture, watch, look } = watching();
    run(1);
    expect([...picture().paths.keys()].sort()).toContain('wlan0');
    const renamed = INTERFACES.map((one) => (one.name === 'wlan0' ? { ...one, name: 'uplink' } : one));
    vi.advanceTimersByTime(4_000_000);
    watch.observe(
      snapshot(
        new TwoFlows().read({ interfaces: { value: renamed }, sockets: { value: { connections: [], subflows: [] } } }),
      ),
      new Map(),
    );
    expect([...picture().paths.keys()].sort()).toEqual(['eth0', 'uplink']);
    look();
    expect([...picture().paths.keys()].sort()).toContain('wlan0');
  });
});
