import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { PathBudget } from '../../../exporter/src/probe/budget/budget.ts';
import { failed } from '../../../exporter/src/probe/probe.ts';
import { bulkSettings, MBIT, namesOf, place, rates, roundsOver, scripted } from '../../support/rounds.ts';

const HOME = [place('eth', 1), place('wlan', 2)];
const MB = 1_000_000;

/** A budget kept in memory. */
function budgetOf(paths: Readonly<Record<string, number>>): PathBudget {
  let disk: string | undefined;
  return new PathBudget({
    settings: {
      paths: new Map(Object.entries(paths).map(([path, dayBytes]) => [path, { dayBytes }])),
      stateFile: '/nowhere',
    },
    open: async () => ({
      path: '/nowhere',
      read: async () => disk,
      write: async (text: string) => {
        disk = text;
      },
      putAside: async () => '',
      close: () => undefined,
    }),
    onProblem: (error) => {
      throw error;
    },
  });
}

describe('rounds', () => {
  it('run one at a time over the whole exporter', async () => {
    const { run } = roundsOver(HOME);
    let running = 0;
    let most = 0;
    const slow = scripted(async () => {
      running++;
      most = Math.max(most, running);
      await sleep(1);
      running--;
      return { ok: true, value: { bytes: 1, seconds: 1, loadedRttSeconds: [] } };
    });
    await Promise.all([run(bulkSettings(), slow), run(bulkSettings(), slow), run(bulkSettings(), slow)]);
    expect(most).toBe(1);
  });

  it('give each leg its path: interface, address and target, and over MPTCP none but the target', async () => {
    const { run } = roundsOver(HOME);
    const seen: unknown[] = [];
    await run(bulkSettings({ directions: ['up'] }), ({ path, interfaceName, localAddress, address, pathOf }) => {
      seen.push([path, interfaceName, localAddress, address, pathOf('10.77.2.1')]);
      return 1;
    });
    expect(seen).toEqual([
      ['eth', 'eth', '10.77.1.1', '10.77.1.2', 'wlan'],
      ['wlan', 'wlan', '10.77.2.1', '10.77.1.2', 'wlan'],
      ['mptcp', undefined, undefined, '10.77.1.2', 'wlan'],
    ]);
  });

  it('go on after a leg that fails or throws, with the reason', async () => {
    const { run, legs } = roundsOver([place('eth', 1), { path: 'wlan', addresses: [], metered: false }]);
    await run(bulkSettings({ directions: ['up'] }), ({ path }) => {
      if (path === 'eth') throw new Error('a bug');
      return 5;
    });
    expect(legs.map(({ path, result }) => [path, result.ok ? 'ok' : result.reason])).toEqual([
      ['eth', 'internal'],
      ['wlan', 'no_interface'],
      ['mptcp', 'ok'],
    ]);
  });

  it('end a leg that hangs at its timeout, and go on', async () => {
    const { run, legs } = roundsOver(HOME);
    let aborted = 0;
    await run(bulkSettings({ directions: ['up'], timeoutSeconds: 0.02 }), async ({ signal, path }) => {
      if (path !== 'eth') return { ok: true, value: { bytes: 1, seconds: 1, loadedRttSeconds: [] } };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      aborted++;
      return failed('broken', 'ended');
    });
    expect(aborted).toBe(1);
    expect(legs.map(({ result }) => (result.ok ? 'ok' : result.reason))).toEqual(['timeout', 'ok', 'ok']);
  });

  it('try again later at a server that serves another, longer each time, and let others measure meanwhile', async () => {
    const waits: number[] = [];
    let other: Promise<void> = Promise.resolve();
    const { run, legs } = roundsOver(HOME.slice(0, 1), {
      wait: async (seconds) => {
        waits.push(seconds);
        if (waits.length === 1) other = run(bulkSettings({ directions: ['down'], mptcp: false }), () => 7);
        await sleep(1);
      },
    });
    let asked = 0;
    await run(bulkSettings({ directions: ['up'], mptcp: false }), () => (++asked < 3 ? 'busy' : 5));
    await other;
    expect(waits).toHaveLength(2);
    expect(namesOf(legs)).toEqual(['eth down', 'eth up']);
    expect(legs.every(({ result }) => result.ok)).toBe(true);
  });

  it('give up a server that stays busy, after a bounded number of tries', async () => {
    const waits: number[] = [];
    const wait = async (seconds: number) => void waits.push(seconds);
    const { run, legs } = roundsOver(HOME.slice(0, 1), { wait });
    let asked = 0;
    await run(bulkSettings({ directions: ['up'], mptcp: false }), () => {
      asked++;
      return 'busy';
    });
    expect(asked).toBe(6);
    expect(legs.map(({ result }) => !result.ok && result.reason)).toEqual(['busy']);
    expect(waits.reduce((sum, seconds) => sum + seconds, 0)).toBeLessThan(120);
  });

  it('end soon when they are to, in a leg, in a wait, or waiting for a turn', async () => {
    const stop = new AbortController();
    const { run, legs } = roundsOver(HOME);
    const hanging = run(
      bulkSettings(),
      ({ signal }) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve(failed('broken', 'ended')))),
      stop.signal,
    );
    const waiting = run(bulkSettings(), () => 1, stop.signal);
    await sleep(5);
    stop.abort();
    await Promise.all([hanging, waiting]);
    expect(legs).toEqual([]);
    const busy = roundsOver(HOME, {
      wait: (_, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    const stopBusy = new AbortController();
    const round = busy.run(bulkSettings(), () => 'busy', stopBusy.signal);
    await sleep(5);
    stopBusy.abort();
    await round;
    await busy.run(bulkSettings({ directions: ['up'], mptcp: false }), () => 1);
    expect(busy.legs).toHaveLength(2);
  });

  it('share a budget among the legs that it pays for, MPTCP included, and leave a tenth', async () => {
    const budget = budgetOf({ wlan: 20 * MB });
    const { run, legs, account } = roundsOver(HOME, { budget });
    const granted: Record<string, number> = {};
    const sum = (...names: string[]) => names.reduce((total, name) => total + (granted[name] ?? Number.NaN), 0);
    await run(bulkSettings(), ({ path, leg, meter }) => {
      granted[`${path} ${leg.direction}`] = meter.remaining;
      if (path === 'wlan') meter.sent(meter.remaining);
      if (path === 'mptcp') meter.received(meter.remaining / 2, 'wlan');
      return 1;
    });
    expect(legs).toHaveLength(6);
    const share = (18 * MB) / 4;
    expect(granted).toMatchObject({ 'eth up': 10 * MB, 'wlan up': share, 'mptcp up': share });
    expect(account.spent.get('wlan')).toEqual({
      sentBytes: sum('wlan up', 'wlan down'),
      receivedBytes: sum('mptcp up', 'mptcp down') / 2,
    });
    expect(budget.remaining('wlan')).toBeGreaterThanOrEqual(2 * MB);
  });

  it('give each file what it takes while the budget pays for all of the round', async () => {
    const budget = budgetOf({ eth: MB, wlan: MB });
    const { run, legs } = roundsOver(HOME, { budget });
    const { durationSeconds: _, ...common } = bulkSettings({ directions: ['up'] });
    const sizesBytes = [16_001, 64_001, 256_001];
    const probe = scripted(({ leg: { sizeBytes = 0 }, meter }) =>
      meter.remaining < 1.15 * sizeBytes ? 'internal' : 5,
    );
    const cost = (_settings: unknown, { sizeBytes = 0 }) => ({
      leastBytes: 1.15 * sizeBytes,
      mostBytes: 1.15 * sizeBytes,
    });
    await run({ ...common, type: 'transfer', protocol: 'http', sizesBytes }, { ...probe, cost });
    expect(legs.map(({ result }) => result.ok)).toEqual(legs.map(() => true));
    expect(legs).toHaveLength(9);
  });

  it('end a leg that has moved what was granted, and begin none that the budget cannot pay', async () => {
    const budget = budgetOf({ eth: 10 * MB });
    const { run, legs, account } = roundsOver(HOME.slice(0, 1), { budget });
    const greedy = scripted(
      async ({ meter, signal }) => {
        while (!signal.aborted) meter.sent(MB / 10);
        return failed('broken', 'ended');
      },
      { leastBytes: 2 * MB, mostBytes: Number.POSITIVE_INFINITY },
    );
    await run(bulkSettings({ mptcp: false, directions: ['up'] }), greedy);
    await run(bulkSettings({ mptcp: false, directions: ['up'] }), greedy);
    expect(legs.map(({ result }) => !result.ok && result.reason)).toEqual(['budget_exhausted', 'budget_exhausted']);
    expect(account.spent.get('eth')?.sentBytes).toBe(9 * MB);
    expect(legs[1]?.result).toMatchObject({
      message: 'the budget of path eth leaves 1000000 bytes, too few for this',
    });
  });

  it('count bytes over MPTCP whose path is not known on every path that it may have been', async () => {
    const { run, account } = roundsOver(HOME);
    await run(bulkSettings({ directions: ['up'] }), ({ path, meter }) => {
      if (path === 'mptcp') meter.sent(400);
      return 1;
    });
    expect(account.spent.get('eth')).toEqual({ sentBytes: 400, receivedBytes: 0 });
    expect(account.spent.get('wlan')).toEqual({ sentBytes: 400, receivedBytes: 0 });
  });
});

describe('what rounds bring', () => {
  const once = async (byPath: Record<string, number>, shares: Record<string, number> = {}) => {
    const home = roundsOver(HOME);
    await home.run(bulkSettings(), rates(byPath, shares));
    return home.results;
  };

  it('is the rate of each path and of MPTCP, the benefit and the gain', async () => {
    const results = await once({ eth: 88, wlan: 75, mptcp: 161 }, { eth: 90, wlan: 71 });
    expect([...results.throughput].filter(({ direction }) => direction === 'up')).toEqual([
      { path: 'eth', direction: 'up', target: 'vps', bytesPerSecond: 88 * MBIT },
      { path: 'wlan', direction: 'up', target: 'vps', bytesPerSecond: 75 * MBIT },
      { path: 'mptcp', direction: 'up', target: 'vps', bytesPerSecond: 161 * MBIT },
    ]);
    const values = { target: 'vps', benefit: expect.closeTo(0.973, 3), gain: expect.closeTo(1.83, 2) };
    expect([...results.aggregation]).toEqual([
      { direction: 'up', ...values },
      { direction: 'down', ...values },
    ]);
    expect([...results.utilisation].filter(({ direction }) => direction === 'down')).toEqual([
      { path: 'eth', direction: 'down', ratio: expect.closeTo(90 / 88, 3) },
      { path: 'wlan', direction: 'down', ratio: expect.closeTo(71 / 75, 3) },
    ]);
  });

  it('keeps the rate of a path that cannot be measured now, and no benefit while a member is missing', async () => {
    const { run, results } = roundsOver(HOME);
    await run(bulkSettings(), rates({ eth: 88, wlan: 75, mptcp: 161 }));
    await run(bulkSettings(), ({ path, leg }) => (path === 'wlan' && leg.direction === 'up' ? 'timeout' : 50 * MBIT));
    expect(
      [...results.throughput].find(({ path, direction }) => path === 'wlan' && direction === 'up')?.bytesPerSecond,
    ).toBe(75 * MBIT);
    expect([...results.aggregation].map(({ direction }) => direction)).toEqual(['down']);
  });

  it('has no benefit when MPTCP used a path that was not measured alone', async () => {
    const { run, results } = roundsOver(HOME);
    await run(bulkSettings({ paths: ['eth'] }), rates({ eth: 88, mptcp: 161 }, { eth: 88, wlan: 73 }));
    expect([...results.aggregation]).toEqual([]);
    await run(bulkSettings({ paths: ['eth'] }), rates({ eth: 88, mptcp: 80 }, { eth: 88 }));
    expect([...results.aggregation].map(({ benefit, gain }) => [benefit, gain])).toEqual([
      [undefined, 80 / 88],
      [undefined, 80 / 88],
    ]);
  });

  it('counts a path that is a backup out of the benefit, but measures it', async () => {
    const { run, results } = roundsOver([...HOME, place('dsl', 3)], { backups: ['dsl'] });
    await run(bulkSettings({ directions: ['up'] }), rates({ eth: 80, wlan: 20, dsl: 90, mptcp: 100 }));
    expect([...results.aggregation]).toMatchObject([{ benefit: 1 }]);
    expect([...results.throughput].map(({ path }) => path)).toContain('dsl');
  });

  it('is a recommendation after three rounds that agree; where two targets disagree, none', async () => {
    const { run, results } = roundsOver(HOME);
    const harm = rates({ eth: 88, wlan: 75, mptcp: 44 });
    for (let round = 0; round < 3; round++) await run(bulkSettings(), harm);
    expect(results.recommendations.find(({ path }) => path === 'wlan')).toMatchObject({
      action: 'make_backup',
      reason: 'both_lose',
      words: expect.stringContaining('lose 50 %'),
    });
    const other = bulkSettings({ target: { text: 'other', host: '10.77.1.9', port: 1 } });
    await run(other, rates({ eth: 88, wlan: 75, mptcp: 161 }));
    expect(results.recommendations.find(({ path }) => path === 'wlan')).toMatchObject({
      action: 'none',
      reason: 'mixed',
    });
  });

  it('is how long files take, and how much faster they are over MPTCP than over the best path', async () => {
    const { run, results } = roundsOver(HOME);
    const { durationSeconds: _, ...common } = bulkSettings({ directions: ['down'] });
    const settings = { ...common, type: 'transfer', protocol: 'http', sizesBytes: [16_000, 64_000] } as const;
    const seconds: Readonly<Record<string, number>> = { eth: 2, wlan: 4, mptcp: 1.6 };
    await run(settings, ({ path, leg: { sizeBytes = 0 } }) => {
      if (path === 'wlan' && sizeBytes === 64_000) return 'stalled';
      return { ok: true, value: { bytes: sizeBytes, seconds: seconds[path] ?? 0, loadedRttSeconds: [] } };
    });
    expect([...results.transfers].map(({ path, size, seconds: took }) => [path, size, took])).toEqual([
      ['eth', 16_000, 2],
      ['wlan', 16_000, 4],
      ['mptcp', 16_000, 1.6],
      ['eth', 64_000, 2],
      ['mptcp', 64_000, 1.6],
    ]);
    expect([...results.transferGains]).toEqual([
      { direction: 'down', protocol: 'http', size: 16_000, target: 'vps', gain: 1.25 },
    ]);
    expect([...results.aggregation]).toEqual([]);
  });
});
