import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ErrorTally } from '../exporter/src/error-tally.ts';
import { DEFAULT_HEALTH_SETTINGS } from '../exporter/src/mptcp/health/settings.ts';
import type { Failure, Part, PathManagerEvent, Reading, SourceEvent } from '../exporter/src/mptcp/model.ts';
import { Observer } from '../exporter/src/observer.ts';
import { TwoFlows } from './support/flows.ts';
import { INTERFACES, networkInterface, reading, subflow } from './support/scene.ts';

const make = (read: (parts: ReadonlySet<Part>) => Promise<Reading>, sampleIntervalMs = 1000) => {
  const errors = new ErrorTally();
  const source = { name: 'netlink', kernel: 'upstream', read, close: () => undefined } as const;
  const parts = new Set<Part>(['mib', 'sysctl', 'endpoints']);
  const observer = new Observer({
    source,
    rules: [],
    sampleIntervalMs,
    subflowLimit: 200,
    parts,
    errors,
    kernelRelease: '6.18',
  });
  return { observer, errors };
};

afterEach(() => vi.useRealTimers());

describe('the observer', () => {
  it('shares one reading among scrapes of the same moment', async () => {
    const read = vi.fn(async () => reading({}));
    const { observer } = make(read);
    await Promise.all([observer.look(), observer.look(), observer.look(1000)]);
    expect(read).toHaveBeenCalledTimes(1);
    await observer.look();
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('never reads the source twice at once', async () => {
    let running = 0;
    let most = 0;
    const { observer } = make(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running--;
      return reading({});
    }, 10);
    await observer.start();
    for (let i = 0; i < 5; i++) await observer.look();
    await observer.stop();
    expect(most).toBe(1);
  });

  it('answers a scrape in time when the kernel does not, and counts that', async () => {
    const { observer, errors } = make(() => new Promise<Reading>(() => undefined));
    const start = performance.now();
    const { snapshot } = await observer.look(50);
    expect(performance.now() - start).toBeLessThan(1000);
    expect(snapshot.sockets.failure?.code).toBe('timeout');
    expect(snapshot.kernelRelease).toBe('6.18');
    expect([...errors.entries()]).toContainEqual({ origin: 'sockets', code: 'timeout', count: 1 });
  });

  it('turns a source that throws into a failed look, and goes on', async () => {
    const read = vi.fn().mockRejectedValueOnce(new Error('bug')).mockResolvedValue(reading({}));
    const { observer, errors } = make(read);
    expect((await observer.look()).snapshot.sockets.failure).toEqual({ code: 'internal', message: 'bug' });
    expect((await observer.look()).snapshot.sockets.value).toBeDefined();
    expect([...errors.entries()]).toContainEqual({ origin: 'sockets', code: 'internal', count: 1 });
  });

  it('counts what was repaired on the way', async () => {
    const incidents = [{ part: 'sockets', code: 'dump_interrupted' }] as const;
    const { observer, errors } = make(async () => reading({}, { incidents }));
    await observer.look();
    await observer.look();
    expect([...errors.entries()]).toEqual([{ origin: 'sockets', code: 'dump_interrupted', count: 2 }]);
  });

  it('samples at its interval, reads the slow parts less often, and keeps them in between', async () => {
    const asked: ReadonlySet<Part>[] = [];
    const { observer } = make(async (parts) => {
      asked.push(parts);
      return reading(
        {},
        {
          monotonicSeconds: performance.now() / 1000,
          ...(parts.has('mib') && { mib: { value: new Map([['a', 1]]) } }),
        },
      );
    }, 20);
    await observer.start();
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(5), { timeout: 2000 });
    expect(observer.snapshot?.mib?.value?.get('a')).toBe(1);
    await observer.stop();
    const after = asked.length;
    expect(asked[0]?.has('mib')).toBe(true);
    expect(asked.slice(1, 5).every((parts) => !parts.has('mib') && parts.has('sockets'))).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(asked.length).toBe(after);
  });

  it('samples fresh endpoints and counters while it is not clear whether a new connection lacks a subflow', async () => {
    const asked: ReadonlySet<Part>[] = [];
    const flows = new TwoFlows();
    const endpoint = { id: 1, address: '10.77.2.1', interfaceName: 'wlan0', flags: ['subflow'] };
    const { observer } = make(async (parts) => {
      asked.push(parts);
      return flows.read({ ...(parts.has('endpoints') && { endpoints: { value: { endpoints: [endpoint] } } }) });
    }, 20);
    const fresh = () => asked.at(-1)?.has('endpoints') === true && asked.at(-1)?.has('mib') === true;
    flows.wlan.gone = true;
    await observer.start();
    await vi.waitFor(() => expect(asked.length > 4 && fresh()).toBe(true), { timeout: 2000 });
    expect(asked.at(-1)?.has('sysctl')).toBe(false);
    flows.wlan.gone = false;
    await vi.waitFor(() => expect(fresh()).toBe(false), { timeout: 2000 });
    await observer.stop();
  });
});

/** An observer of a source with events, which samples too seldom to see anything by that. */
const listening = async (read: () => Partial<Reading> = () => ({}), refusal?: Failure) => {
  let tell: (events: readonly SourceEvent[]) => void = () => undefined;
  const looks = vi.fn(async () => reading({}, { monotonicSeconds: performance.now() / 1000, ...read() }));
  const refused: Failure[] = [];
  const observer = new Observer({
    source: {
      name: 'netlink',
      kernel: 'upstream',
      read: looks,
      subscribe: async (listener) => {
        tell = listener;
        return refusal;
      },
      close: () => undefined,
    },
    rules: [],
    sampleIntervalMs: 60_000,
    subflowLimit: 200,
    parts: new Set(),
    errors: new ErrorTally(),
    onEventsRefused: (failure) => refused.push(failure),
  });
  await observer.start();
  await vi.advanceTimersByTimeAsync(1100);
  const told = async (events: readonly SourceEvent[], ms = 1100) => {
    const before = looks.mock.calls.length;
    tell(events);
    await vi.advanceTimersByTimeAsync(ms);
    return looks.mock.calls.length - before;
  };
  return { observer, looks, refused, told, tell: (events: readonly SourceEvent[]) => tell(events) };
};

const socket = (port: number, sent = 0) =>
  subflow(port, '10.77.1.1', { cookie: port, sent, local: { address: '10.77.1.1', port } });
const happened = (name: PathManagerEvent['name'], port = 1, more: Partial<PathManagerEvent> = {}): SourceEvent => {
  const { token = 0, local, remote } = socket(port);
  return { kind: 'path_manager', event: { name, token, local, remote, ...more } };
};
const closed = (port: number, sent: number): SourceEvent => ({ kind: 'close', close: socket(port, sent) });

describe('the observer of a source with events', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
  });

  it('counts a subflow that was born and died between two samples, at once', async () => {
    const { observer, tell } = await listening();
    tell([happened('created'), closed(1, 500)]);
    expect(observer.picture?.ledger.paths.get('eth0')).toMatchObject({ sentBytes: 500, unaccountedCloses: 0 });
    await observer.stop();
  });

  it('shows its bytes in the throughput of the span', async () => {
    const { observer, tell } = await listening();
    await vi.advanceTimersByTimeAsync(60_000); // a sample ended the span at 60 s
    tell([happened('established'), closed(1, 80_000)]);
    await vi.advanceTimersByTimeAsync(38_900);
    const { throughput } = await observer.look();
    expect(throughput.of('eth0')?.sendBytesPerSecond).toBeCloseTo(2000, 0);
    await observer.stop();
  });

  it('places a subflow that no look has shown by the interfaces and rules of the last look', async () => {
    let interfaces = INTERFACES;
    const { observer, told } = await listening(() => ({ interfaces: { value: interfaces } }));
    const established = (path: string) => observer.picture?.ledger.paths.get(path)?.subflowsEstablished;
    await told([happened('subflow_established', 1, { interfaceIndex: 12 })]);
    expect(established('wlan0')).toBe(1);
    interfaces = [networkInterface('uplink', 1)];
    await told([{ kind: 'interfaces' }]);
    await told([happened('created', 2)]);
    expect(established('uplink')).toBe(1);
    await observer.stop();
  });

  it.each<[string, number, SourceEvent]>([
    ['a connection is created', 1, happened('created')],
    ['a subflow is established', 1, happened('subflow_established')],
    ['an interface changes', 1, { kind: 'interfaces' }],
    ['events were lost', 1, { kind: 'overrun', part: 'sockets' }],
    ['a socket closes', 0, closed(1, 5)],
    ['a connection is fully established', 0, happened('established')],
    ['a subflow closes', 1, happened('subflow_closed')],
  ])('looks at once when there is something to see: %s', async (_, looks, event) => {
    const { observer, told } = await listening();
    expect(await told([event, event, event], 20)).toBe(looks);
    await observer.stop();
  });

  it('looks at most five times a second, whatever happens', async () => {
    const { observer, looks, tell } = await listening();
    const before = looks.mock.calls.length;
    for (let i = 0; i < 1000; i++) {
      tell([happened('created', i), { kind: 'interfaces' }, closed(i, 1)]);
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(looks.mock.calls.length - before).toBeGreaterThan(40);
    expect(looks.mock.calls.length - before).toBeLessThanOrEqual(52);
    await observer.stop();
  });

  it('holds nothing of ten thousand connections a few looks after they are gone', async () => {
    const { observer, tell } = await listening();
    for (let port = 1; port <= 10_000; port++) tell([happened('created', port), closed(port, 3), closed(-port, 9)]);
    const { ledger } = await observer.look();
    expect(ledger.rememberedCloses).toBe(20_000);
    for (let i = 0; i < 4; i++) {
      await vi.advanceTimersByTimeAsync(6000);
      await observer.look();
    }
    expect([ledger.openSubflows, ledger.rememberedCloses]).toEqual([0, 0]);
    expect(ledger.paths.get('eth0')).toMatchObject({
      sentBytes: 30_000,
      subflowsEstablished: 10_000,
      subflowsClosed: { connection_closed: 10_000 },
      unaccountedCloses: 0,
    });
    await observer.stop();
  });

  it('looks again once it listens, for what happened before', async () => {
    const { observer, looks } = await listening();
    expect(looks).toHaveBeenCalledTimes(2);
    await observer.stop();
  });

  it('counts the events of the path manager by name', async () => {
    const { observer, told } = await listening();
    expect([...(observer.picture?.pathManagerEvents ?? [['none', 0]])]).toEqual([]);
    await told([happened('created'), happened('announced'), happened('created', 2)]);
    expect([...(observer.picture?.pathManagerEvents ?? [])]).toEqual([
      ['created', 2],
      ['announced', 1],
    ]);
    await observer.stop();
  });

  it('says once that events are refused, goes on by sampling, and heeds those that come all the same', async () => {
    const refusal = { code: 'permission_denied', message: 'not permitted' };
    const { observer, refused, told, looks } = await listening(() => ({}), refusal);
    expect(refused).toEqual([refusal]);
    expect(observer.picture?.snapshot.capabilities.get('events')).toBe(false);
    expect(observer.picture?.pathManagerEvents).toBeUndefined();
    expect(await told([{ kind: 'interfaces' }])).toBe(1);
    await vi.advanceTimersByTimeAsync(180_000);
    expect(looks.mock.calls.length).toBeGreaterThanOrEqual(5);
    expect(refused).toHaveLength(1);
    await observer.stop();
  });

  it('heeds nothing after it was stopped', async () => {
    const { observer, told } = await listening();
    await observer.stop();
    expect(await told([happened('created'), closed(1, 500), { kind: 'interfaces' }])).toBe(0);
    expect(observer.picture?.ledger.paths.get('eth0')?.subflowsEstablished).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the capability to tell of events', () => {
  it('is absent from a source that has none', async () => {
    const { observer } = make(async () => reading({}));
    const { snapshot, pathManagerEvents } = await observer.look();
    expect(snapshot.capabilities.get('events')).toBe(false);
    expect(pathManagerEvents).toBeUndefined();
  });

  it('is what the source says where it says it', async () => {
    const { observer } = make(async () => reading({}, { capabilities: new Map([['events', true]]) }));
    expect((await observer.look()).snapshot.capabilities.get('events')).toBe(true);
  });
});

describe('the observer and health', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
  });

  /** An observer of two busy subflows that has sampled them for some seconds, or of which only scrapes ask. */
  const observing = async (direction: 'up' | 'down', sampleIntervalMs = 1000) => {
    const flows = new TwoFlows();
    flows.move(direction);
    let failing = false;
    let tell: (events: readonly SourceEvent[]) => void = () => undefined;
    const read = vi.fn(async () => {
      return flows.read(failing ? { sockets: { failure: { code: 'timeout', message: 'slow' } } } : {});
    });
    const start = vi.fn();
    const observer = new Observer({
      source: {
        name: 'netlink',
        kernel: 'upstream',
        read,
        subscribe: async (listener) => {
          tell = listener;
          return undefined;
        },
        close: () => undefined,
      },
      rules: [],
      sampleIntervalMs,
      subflowLimit: 200,
      parts: new Set(),
      errors: new ErrorTally(),
      health: { settings: DEFAULT_HEALTH_SETTINGS, checks: { start, counts: new Map() } },
    });
    await observer.start();
    await vi.advanceTimersByTimeAsync(5000);
    await observer.look();
    const state = () => observer.picture?.health.paths.get('wlan0')?.judgement.state;
    const fail = (fails: boolean) => {
      failing = fails;
    };
    return { observer, flows, read, start, state, fail, tell: (events: readonly SourceEvent[]) => tell(events) };
  };

  it('judges at every sample', async () => {
    const { observer, flows, state } = await observing('up');
    expect(state()).toBe('up');
    flows.wlan.dead = true;
    await vi.advanceTimersByTimeAsync(2000);
    expect(state()).toBe('stalled');
    expect(observer.picture?.health.paths.get('eth0')?.judgement.state).toBe('up');
    await observer.stop();
  });

  it('judges at a scrape, and by itself looks again when that will tell more, not waiting for a sample', async () => {
    const { observer, flows, read, state } = await observing('up', 60_000);
    flows.wlan.dead = true;
    await vi.advanceTimersByTimeAsync(600);
    await observer.look();
    expect(state()).toBe('up');
    const looks = read.mock.calls.length;
    await vi.advanceTimersByTimeAsync(600);
    expect(state()).toBe('stalled');
    expect(read.mock.calls.length - looks).toBe(1);
    await observer.stop();
  });

  it('leaves it to the next sample when that comes first', async () => {
    const { observer, flows, read, state } = await observing('up', 500);
    flows.wlan.dead = true;
    const looks = read.mock.calls.length;
    await vi.advanceTimersByTimeAsync(1500);
    expect(state()).toBe('stalled');
    expect(read.mock.calls.length - looks).toBeLessThanOrEqual(4);
    await observer.stop();
  });

  it('has checks made, and judges by an answer at once', async () => {
    const { observer, flows, start, state } = await observing('down', 3000);
    flows.wlan.dead = true;
    await vi.waitFor(() => expect(start).toHaveBeenCalledTimes(1), { timeout: 5000, interval: 10 });
    expect(start.mock.calls[0]?.[0]).toMatchObject([{ path: 'wlan0', interfaceName: 'wlan0' }]);
    expect(state()).toBe('up');
    observer.answer({ path: 'wlan0', alive: false, monotonicSeconds: performance.now() / 1000 });
    await vi.advanceTimersByTimeAsync(150);
    expect(state()).toBe('stalled');
    await observer.stop();
  });

  it('hands the kernel’s events over, so that a subflow lost is told with its cause', async () => {
    const { observer, flows, state, tell } = await observing('up');
    flows.wlan.gone = true;
    const { token = 0, local, remote } = flows.wlan.record();
    tell([{ kind: 'path_manager', event: { name: 'subflow_closed', token, local, remote, error: 104 } }]);
    await vi.advanceTimersByTimeAsync(600);
    expect(state()).toBe('missing');
    expect([...(observer.picture?.health.paths.get('wlan0')?.judgement.reasons ?? [])]).toEqual(['reset_by_peer']);
    await observer.stop();
  });

  it('takes no path for missing, and none for well, when the kernel cannot be read', async () => {
    const { observer, flows, state, fail } = await observing('up');
    fail(true);
    flows.wlan.gone = true;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(state()).toBe('up');
    fail(false);
    await vi.advanceTimersByTimeAsync(2000);
    expect(state()).toBe('missing');
    fail(true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(state()).toBe('missing');
    await observer.stop();
  });

  it('neither looks nor heeds an answer after it was stopped', async () => {
    const { observer, flows, read } = await observing('up', 60_000);
    flows.wlan.dead = true;
    await vi.advanceTimersByTimeAsync(600);
    await observer.look();
    await observer.stop();
    const looks = read.mock.calls.length;
    observer.answer({ path: 'wlan0', alive: false, monotonicSeconds: 0 });
    await vi.advanceTimersByTimeAsync(5000);
    expect(read.mock.calls.length).toBe(looks);
    expect(vi.getTimerCount()).toBe(0);
  });
});
