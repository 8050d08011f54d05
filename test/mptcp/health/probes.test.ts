import { describe, expect, it } from 'vitest';
import type { PathState, ProbeEvidence, Reason } from '../../../exporter/src/mptcp/health/states.ts';
import { ETH, Timeline, WLAN } from './timeline.ts';

/** A machine with an idle connection over eth0 and wlan0; lte0 is configured and not used by anything. */
function idle(
  rules = [
    { name: 'lte0', interface: 'lte0' },
    { name: 'eth0', interface: 'eth0' },
    { name: 'wlan0', interface: 'wlan0' },
  ],
) {
  const timeline = new Timeline({}, rules);
  const [eth, wlan] = timeline.connect(1, [ETH, WLAN]);
  if (eth === undefined || wlan === undefined) throw new Error('no flows');
  timeline.run(12);
  return { timeline, eth, wlan };
}

const failing = (path: string, since: number, last = since): ReadonlyMap<string, ProbeEvidence> =>
  new Map([[path, { failingSinceSeconds: since, lastFailedSeconds: last }]]);

const judged = (timeline: Timeline, path: string): [PathState | undefined, Reason[]] => [
  timeline.paths.get(path)?.state,
  timeline.reasons(path),
];

describe('probes that fail on a path while their targets answer on others', () => {
  it.each<[string, string]>([
    ['has an idle subflow', 'wlan0'],
    ['nothing uses', 'lte0'],
  ])('tell a path stalled that %s, at once, and clear it with the first answer', (_, path) => {
    const { timeline, wlan } = idle();
    wlan.dead = true;
    timeline.answerBy((one) => one === path);
    const before = timeline.paths.get(path)?.state;
    timeline.probes = failing(path, timeline.now - 2);
    timeline.run(1);
    expect(judged(timeline, path)).toEqual(['stalled', ['probe_failing']]);
    expect(judged(timeline, 'eth0')).toEqual(['up', []]);
    timeline.run(20);
    expect(judged(timeline, path)).toEqual(['stalled', ['probe_failing']]);
    wlan.dead = false;
    timeline.probes = new Map();
    timeline.run(1);
    expect(judged(timeline, path)).toEqual([before, []]);
    expect(timeline.states(path, 100)).toEqual([before, 'stalled', before]);
  });

  it.each(['sending', 'receiving'] as const)(
    'tell nothing of a path that goes on %s: what they send is not let through',
    (what) => {
      const { timeline, wlan } = idle();
      wlan[what] = true;
      timeline.run(5);
      const since = timeline.now;
      for (let run = 0; run < 10; run++) {
        timeline.probes = failing('wlan0', since, since + run * 2);
        timeline.run(2);
      }
      expect(timeline.states('wlan0', since)).toEqual(['up']);
    },
  );

  it('tell nothing, and do not make it flap, of a path with data now and then', () => {
    const { timeline, wlan } = idle();
    const since = timeline.now;
    for (let run = 0; run < 20; run++) {
      wlan.sending = run % 5 === 0;
      timeline.run(3);
      // Three in a row are there after 9 s.
      if (run > 3) timeline.probes = failing('wlan0', since, timeline.now);
    }
    expect(timeline.states('wlan0', since)).toEqual(['up']);
  });

  it('tell nothing when a check over that path was answered since', () => {
    const { timeline } = idle();
    const since = timeline.now;
    timeline.probes = failing('wlan0', since);
    timeline.run(2);
    // The stalled path is checked, by the connection that it has.
    timeline.run(20);
    expect(timeline.asked.length).toBeGreaterThan(0);
    expect(judged(timeline, 'wlan0')).toEqual(['up', []]);
    expect(timeline.states('wlan0', since)).toEqual(['up', 'stalled', 'up']);
  });

  it('still tell of a path that died with data under way when the first probe was sent', () => {
    const { timeline, wlan } = idle();
    wlan.receiving = true;
    timeline.run(3);
    wlan.receiving = false;
    wlan.dead = true;
    timeline.answerBy((path) => path === 'wlan0');
    timeline.probes = failing('wlan0', timeline.now - 0.5);
    timeline.run(2);
    expect(judged(timeline, 'wlan0')).toEqual(['stalled', ['probe_failing']]);
  });

  it('leave it at what the link and the acknowledgements tell', () => {
    const { timeline, wlan } = idle();
    wlan.sending = true;
    timeline.run(3);
    wlan.dead = true;
    timeline.answerBy((path) => path === 'wlan0');
    timeline.run(5);
    timeline.probes = failing('wlan0', timeline.now);
    timeline.run(2);
    expect(judged(timeline, 'wlan0')).toEqual(['stalled', ['no_acknowledgements']]);
    timeline.interfaces = timeline.interfaces.map((one) => (one.name === 'wlan0' ? { ...one, carrier: false } : one));
    timeline.run(2);
    expect(judged(timeline, 'wlan0')).toEqual(['down', ['carrier_lost']]);
  });

  it('give no recovery time of a path that moved nothing, nor a failover', () => {
    const { timeline } = idle();
    timeline.answerBy((path) => path === 'lte0');
    timeline.probes = failing('lte0', timeline.now);
    timeline.run(30);
    timeline.probes = new Map();
    timeline.run(30);
    expect(timeline.durations).toEqual([]);
  });

  it('give the time from the answer to data moving when there is traffic by then', () => {
    const { timeline, wlan } = idle();
    wlan.dead = true;
    timeline.answerBy((path) => path === 'wlan0');
    timeline.probes = failing('wlan0', timeline.now);
    timeline.run(30);
    wlan.dead = false;
    wlan.sending = true;
    timeline.probes = new Map();
    timeline.run(10);
    expect(
      timeline.durations.filter(({ kind }) => kind === 'recovery').every(({ seconds }) => seconds >= 0 && seconds < 5),
    ).toBe(true);
  });
});
