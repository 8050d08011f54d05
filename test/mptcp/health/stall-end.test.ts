import { describe, expect, it } from 'vitest';
import { ETH, type Flow, Timeline, WLAN } from './timeline.ts';

/** Uploads over eth0 and wlan0; gives their subflows on wlan0. */
function uploads(timeline: Timeline, count: number, firstToken = 1): Flow[] {
  return Array.from({ length: count }, (_, index) => {
    const [eth, wlan] = timeline.connect(firstToken + index, [ETH, WLAN]);
    if (eth === undefined || wlan === undefined) throw new Error('no flows');
    eth.sending = wlan.sending = true;
    return wlan;
  });
}

/** What a subflow shows now, with what changes it. */
const shown = (flow: Flow) => {
  flow.overrides = {};
  return flow.record();
};

describe('the stall of a path is not ended', () => {
  it('by a FIN that comes in when nothing goes out any more', () => {
    const timeline = new Timeline();
    const [wlan, other] = uploads(timeline, 2);
    if (wlan === undefined || other === undefined) throw new Error('no flows');
    timeline.run(12);
    other.sending = false;
    timeline.run(3);
    const start = timeline.now;
    timeline.answerBy((path) => path === 'wlan0');
    wlan.dead = true;
    timeline.run(0.85);
    const { tcp, ...record } = shown(other);
    const receivedBytes = (tcp.receivedBytes ?? 0) + 1;
    other.overrides = { ...record, state: 'close_wait', tcp: { ...tcp, receivedBytes, lastDataReceivedSeconds: 0 } };
    timeline.run(0.05);
    timeline.run(1.1);
    expect(timeline.states('wlan0', start)).toEqual(['up', 'stalled']);
  });

  it('by the end of the subflow that showed it, when others are stalled since an outage before', () => {
    const timeline = new Timeline();
    const [old] = uploads(timeline, 1);
    if (old === undefined) throw new Error('no flow');
    timeline.run(12);
    timeline.answerBy((path) => path === 'wlan0' && old.dead);
    old.dead = true;
    timeline.run(12);
    // Back, as the traffic of others shows, while this sender backs off.
    const stuck = old.record();
    const since = timeline.now;
    const [short] = uploads(timeline, 1, 2);
    if (short === undefined) throw new Error('no flow');
    old.dead = false;
    const hold = (seconds: number) => {
      for (let step = 0; step < seconds; step += 0.2) {
        const age = timeline.now - since;
        old.overrides = {
          ...stuck,
          tcp: {
            ...stuck.tcp,
            lastAcknowledgementSeconds: (stuck.tcp.lastAcknowledgementSeconds ?? 0) + age,
            lastDataSentSeconds: (stuck.tcp.lastDataSentSeconds ?? 0) + age,
          },
        };
        timeline.run(0.2);
      }
    };
    hold(5);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
    const start = timeline.now;
    timeline.answerBy((path) => path === 'wlan0');
    short.dead = true;
    hold(2);
    expect(timeline.states('wlan0', start)).toEqual(['up', 'stalled']);
    short.gone = true;
    hold(4);
    expect(timeline.states('wlan0', start)).toEqual(['up', 'stalled']);
  });
});

describe('a sender in backoff whose download ends', () => {
  it('has not stalled at once, nor does its path lose much, for it has not tried since it last heard something', () => {
    const timeline = new Timeline();
    const [wlan] = uploads(timeline, 1);
    if (wlan === undefined) throw new Error('no flow');
    timeline.run(12);
    timeline.answerBy((path) => path === 'wlan0' && wlan.dead);
    wlan.dead = true;
    timeline.run(12);
    const stuck = wlan.record();
    const since = timeline.now;
    wlan.dead = false;
    /** Data comes in, or came in until so long ago. */
    const show = (heardSecondsAgo: number) => {
      const received = (stuck.tcp.receivedBytes ?? 0) + 1e5 * (timeline.now - since - heardSecondsAgo + 1);
      wlan.overrides = {
        ...stuck,
        tcp: {
          ...stuck.tcp,
          receivedBytes: Math.round(received),
          lastAcknowledgementSeconds: heardSecondsAgo,
          lastDataReceivedSeconds: heardSecondsAgo,
          lastDataSentSeconds: (stuck.tcp.lastDataSentSeconds ?? 0) + timeline.now - since,
        },
      };
    };
    for (let step = 0; step < 25; step++) {
      show(0);
      timeline.run(0.2);
    }
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
    const start = timeline.now;
    for (const ago of [0.2, 0.4, 0.6, 0.8]) {
      show(ago);
      timeline.run(0.2);
    }
    expect(timeline.states('wlan0', start)).toEqual(['up']);
    for (let ago = 1; ago < 5; ago += 0.2) {
      show(ago);
      timeline.run(0.2);
    }
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
    expect(timeline.toldAfter('wlan0', 'high_loss', start)).toBe(Number.POSITIVE_INFINITY);
  });
});
