import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { LatencySettings, ProbeSettings } from '../../exporter/src/config/probes/settings.ts';
import { Account, type Budget } from '../../exporter/src/probe/account.ts';
import type {
  BulkProbe,
  Latency,
  LatencyProbe,
  PathPlace,
  ProbeResult,
  ProbeRun,
} from '../../exporter/src/probe/probe.ts';
import { Prober, type ProberOptions } from '../../exporter/src/probe/prober.ts';
import { ProbeResults } from '../../exporter/src/probe/results.ts';

type Run = ProbeRun<LatencySettings>;

const ETH: PathPlace = { path: 'eth', interfaceName: 'eth0', addresses: ['10.0.0.1', 'fd00::1'], metered: false };
const LTE: PathPlace = { path: 'lte', interfaceName: 'wwan0', addresses: ['10.1.0.1'], metered: true };

const ANSWER: ProbeResult<Latency> = { ok: true, value: { rttSeconds: 0.01 } };

function entry(overrides: Partial<LatencySettings> = {}): LatencySettings {
  return {
    type: 'udp',
    target: { text: 'vps:9', host: 'vps', port: 9 },
    timetable: { intervalSeconds: 0.05, jitterSeconds: 0 },
    timeoutSeconds: 0.04,
    payloadBytes: 64,
    ...overrides,
  };
}

let prober: Prober | undefined;
afterEach(() => prober?.stop());

/** A prober that has begun, its runs as they came and its failures by path. */
function begin(
  answer: (run: Run) => Promise<ProbeResult<Latency>>,
  overrides: Partial<ProberOptions> = {},
  settings: readonly ProbeSettings[] = [entry()],
) {
  const runs: Run[] = [];
  const failures: string[] = [];
  const answers: string[] = [];
  const probe: LatencyProbe = {
    kind: 'latency',
    mostBytes: () => 200,
    run: (run) => {
      runs.push(run);
      return answer(run);
    },
  };
  const results = new ProbeResults();
  prober = new Prober({
    probes: settings,
    list: new Map([['udp', probe]]),
    places: () => [ETH, LTE],
    results,
    account: new Account(),
    resolver: { addresses: async () => ['192.0.2.1', '2001:db8::1'] },
    libc: () => Promise.reject(new Error('not asked for')),
    run: () => Promise.reject(new Error('not asked for')),
    random: () => 0,
    ...overrides,
    onResult: (_, path, result) => {
      if (result.ok) answers.push(path);
      else failures.push(`${path} ${result.reason}`);
    },
  });
  prober.start();
  return { runs, failures, answers, results, prober };
}

const soon = { timeout: 5000, interval: 5 };

describe('the prober', () => {
  it('asks on every path as it is at that moment, again and again', async () => {
    const places = { now: [ETH, LTE] };
    const { runs, answers } = begin(async () => ANSWER, { places: () => places.now });
    await expect.poll(() => answers.length, soon).toBeGreaterThanOrEqual(4);
    expect(runs[0]).toMatchObject({
      path: 'eth',
      interfaceName: 'eth0',
      localAddress: '10.0.0.1',
      address: '192.0.2.1',
      timeoutSeconds: 0.04,
    });
    expect(runs[1]).toMatchObject({ path: 'lte', interfaceName: 'wwan0', localAddress: '10.1.0.1' });
    places.now = [{ ...ETH, interfaceName: 'renamed', addresses: ['fd00::2'] }, LTE];
    await expect
      .poll(() => runs.at(-2), soon)
      .toMatchObject({ interfaceName: 'renamed', localAddress: 'fd00::2', address: '2001:db8::1' });
  });

  it('only on the paths that are named, also on one that is not there', async () => {
    const { failures, answers } = begin(async () => ANSWER, {}, [entry({ paths: ['lte', 'sat'] })]);
    await expect.poll(() => answers.length, soon).toBeGreaterThan(1);
    expect(new Set(answers)).toEqual(new Set(['lte']));
    expect(new Set(failures)).toEqual(new Set(['sat no_interface']));
  });

  it.each<[string, Partial<PathPlace>, readonly string[], string]>([
    ['no interface', {}, ['192.0.2.1'], 'no_interface'],
    ['no address of the family', { interfaceName: 'wwan0', addresses: ['10.1.0.1'] }, ['2001:db8::1'], 'no_address'],
    ['no address of the name', { interfaceName: 'wwan0', addresses: ['10.1.0.1'] }, [], 'unresolvable'],
  ])('says so when there is %s, and goes on', async (_, place, addresses, reason) => {
    const { failures, runs } = begin(async () => ANSWER, {
      places: () => [{ path: 'lte', addresses: [], metered: false, ...place }],
      resolver: { addresses: async () => addresses },
    });
    await expect.poll(() => failures.length, soon).toBeGreaterThanOrEqual(3);
    expect(new Set(failures)).toEqual(new Set([`lte ${reason}`]));
    expect(runs).toEqual([]);
  });

  it('says of a name whose servers do not answer that it is unresolvable, each time, and holds up nothing', async () => {
    const { failures, answers } = begin(
      async () => ANSWER,
      {
        resolver: {
          addresses: (host) => (host === 'vps' ? Promise.resolve(['192.0.2.1']) : new Promise(() => undefined)),
        },
      },
      [
        entry({ paths: ['eth'] }),
        ...['a', 'b', 'c'].map((host) => entry({ paths: ['eth'], target: { text: host, host } })),
      ],
    );
    await expect.poll(() => Math.min(failures.length, 3 * answers.length), soon).toBeGreaterThanOrEqual(15);
    expect(new Set(failures)).toEqual(new Set(['eth unresolvable']));
  });

  it('takes what a run throws for a bug of ours, and goes on', async () => {
    const { failures } = begin(() => Promise.reject(new TypeError('x is not a function')));
    await expect.poll(() => failures.length, soon).toBeGreaterThanOrEqual(4);
    expect(new Set(failures)).toEqual(new Set(['eth internal', 'lte internal']));
  });

  it('ends a run that hangs at its timeout, and leaves no listener on what ends it', async () => {
    const hang = ({ signal }: Run) =>
      new Promise<ProbeResult<Latency>>((resolve) => {
        signal.addEventListener('abort', () => resolve({ ok: false, reason: 'timeout', message: '' }));
      });
    const { failures, runs } = begin(hang, {}, [
      entry({ timetable: { intervalSeconds: 1, jitterSeconds: 0 }, timeoutSeconds: 0.2 }),
    ]);
    await expect.poll(() => failures.length, soon).toBeGreaterThanOrEqual(4);
    expect(new Set(failures)).toEqual(new Set(['eth timeout', 'lte timeout']));
    expect(runs.length).toBeLessThanOrEqual(failures.length + 2);
  });

  it('goes on without one that does not even end then, but does not begin it a second time', async () => {
    const { failures, runs, answers } = begin(({ path }) =>
      path === 'eth' ? new Promise(() => undefined) : Promise.resolve(ANSWER),
    );
    await expect.poll(() => failures, soon).toContain('eth timeout');
    await expect.poll(() => failures.filter((one) => one === 'eth overloaded').length, soon).toBeGreaterThan(2);
    expect(runs.filter(({ path }) => path === 'eth')).toHaveLength(1);
    expect(answers.length).toBeGreaterThan(5);
    prober = undefined; // it could not be waited for
  });

  it('does not let a path that answers nothing hold up the others', async () => {
    const settings = Array.from({ length: 20 }, (_, port) =>
      entry({
        target: { text: `vps:${port}`, host: 'vps', port },
        timetable: { intervalSeconds: 1, jitterSeconds: 0 },
        timeoutSeconds: 0.9,
      }),
    );
    const hang = ({ path, signal }: Run) =>
      path === 'lte'
        ? Promise.resolve(ANSWER)
        : new Promise<ProbeResult<Latency>>((resolve) => {
            signal.addEventListener('abort', () => resolve({ ok: false, reason: 'timeout', message: '' }));
          });
    const { answers, runs } = begin(hang, {}, settings);
    await expect.poll(() => answers.length, soon).toBeGreaterThanOrEqual(20);
    expect(runs.filter(({ path }) => path === 'eth').length).toBeLessThanOrEqual(8);
  });

  it('asks nothing that the budget does not allow, and ends what uses it up', async () => {
    const left = new Map([
      ['eth', 250],
      ['lte', 150],
    ]);
    const budget: Budget = {
      remaining: (path) => Math.max(0, left.get(path) ?? 0),
      reserve: async (path, bytes) =>
        (left.get(path) ?? 0) < bytes ? { ok: false, reason: 'budget_exhausted', message: '' } : undefined,
      spend: (path, bytes) => left.set(path, (left.get(path) ?? 0) - bytes),
    };
    const spend = ({ meter, signal }: Run) =>
      new Promise<ProbeResult<Latency>>((resolve) => {
        signal.addEventListener('abort', () => resolve({ ok: false, reason: 'timeout', message: '' }));
        meter.sent(300);
      });
    const { failures, runs } = begin(spend, { account: new Account(budget) });
    await expect.poll(() => failures.length, soon).toBeGreaterThanOrEqual(4);
    expect(new Set(failures)).toEqual(new Set(['eth budget_exhausted', 'lte budget_exhausted']));
    expect(runs).toHaveLength(1);
  });

  it('does nothing while it is not known where the paths are', async () => {
    const { runs, failures } = begin(async () => ANSWER, { places: () => undefined });
    await sleep(120);
    expect([runs, failures]).toEqual([[], []]);
  });

  it('tells which paths fail while others get answers', async () => {
    const { prober: own } = begin(async ({ path }) =>
      path === 'eth' ? ANSWER : { ok: false, reason: 'timeout', message: '' },
    );
    await expect.poll(() => [...own.evidence.keys()], soon).toEqual(['lte']);
  });

  it('has rounds run, one of a probe at a time', async () => {
    const bulk: BulkProbe = {
      kind: 'bulk',
      legs: () => [],
      cost: () => ({ leastBytes: 0, mostBytes: 0 }),
      run: () => Promise.reject(),
    };
    let running = 0;
    let most = 0;
    let rounds = 0;
    const settings: ProbeSettings = {
      ...entry(),
      type: 'throughput',
      directions: ['up'],
      mptcp: true,
      durationSeconds: 1,
    };
    begin(
      async () => ANSWER,
      {
        list: new Map([['throughput', bulk]]),
        rounds: {
          round: async () => {
            most = Math.max(most, ++running);
            rounds++;
            await sleep(120);
            running--;
          },
        },
      },
      [settings],
    );
    await expect.poll(() => rounds, soon).toBeGreaterThanOrEqual(3);
    expect(most).toBe(1);
  });

  it('when stopped, ends what is under way and leaves nothing behind', async () => {
    const aborted: string[] = [];
    const hang = ({ path, signal }: Run) =>
      new Promise<ProbeResult<Latency>>((resolve) => {
        signal.addEventListener('abort', () => {
          aborted.push(path);
          resolve({ ok: false, reason: 'timeout', message: '' });
        });
      });
    const { prober: own, failures, runs } = begin(hang, {}, [entry({ timeoutSeconds: 60 })]);
    await expect.poll(() => runs.length, soon).toBe(2);
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    await own.stop();
    expect(aborted).toEqual(['eth', 'lte']);
    expect(own.held).toBe(0);
    expect(timers()).toBeLessThan(before);
    const seen = failures.length;
    await sleep(120);
    expect([runs.length, failures.length]).toEqual([2, seen]);
  });
});
