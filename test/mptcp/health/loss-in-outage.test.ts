import { describe, expect, it } from 'vitest';
import { ETH, type Flow, Timeline, WLAN } from './timeline.ts';

/** Bytes a second of a stream so slow that what an outage makes it send again is much of what it sends at all. */
const SLOW = 4000;

/** Some slow uploads that use both paths. */
function slowUploads(count: number): { readonly timeline: Timeline; readonly wlans: readonly Flow[] } {
  const timeline = new Timeline();
  const wlans: Flow[] = [];
  for (let token = 1; token <= count; token++) {
    const flows = timeline.connect(token, [ETH, WLAN]);
    for (const flow of flows) Object.assign(flow, { sending: true, rate: SLOW });
    if (flows[1] !== undefined) wlans.push(flows[1]);
  }
  timeline.run(20);
  return { timeline, wlans };
}

describe('what an outage makes a slow stream send again is not taken for loss', () => {
  const cases = [1, 2, 3].flatMap((count) => [2, 4, 6, 9, 12].map((seconds) => [count, seconds] as const));

  const afterwards = [SLOW, SLOW / 4, SLOW / 10, 0];

  it.each(cases)('by %d connections, out for %d s, however much of them comes back', (count, seconds) => {
    for (const rate of afterwards) {
      const { timeline, wlans } = slowUploads(count);
      const start = timeline.now;
      timeline.answerBy((path) => path === 'wlan0' && wlans[0]?.dead === true);
      for (const flow of wlans) flow.dead = true;
      timeline.run(seconds);
      expect(timeline.states('wlan0', start)).toEqual(['up', 'stalled']);
      for (const flow of wlans) Object.assign(flow, { dead: false, rate });
      timeline.run(30);
      expect(timeline.states('wlan0', start), `${rate} bytes a second afterwards`).toEqual(['up', 'stalled', 'up']);
    }
  });

  it('when another connection stalls later than the first in the same outage', () => {
    const { timeline, wlans } = slowUploads(2);
    const start = timeline.now;
    const [first, second] = wlans;
    if (first === undefined || second === undefined) throw new Error('no flows');
    timeline.answerBy((path) => path === 'wlan0' && first.dead);
    second.sending = false;
    first.dead = second.dead = true;
    timeline.run(4);
    second.sending = true;
    timeline.run(4);
    first.dead = second.dead = false;
    timeline.run(30);
    expect(timeline.states('wlan0', start)).toEqual(['up', 'stalled', 'up']);
  });

  it('when the check that would tell the outage had been made just before it, and the next is answered', () => {
    const { timeline, wlans } = slowUploads(1);
    const [wlan] = wlans;
    if (wlan === undefined) throw new Error('no flow');
    wlan.dead = true;
    timeline.answer = () => [];
    timeline.run(3);
    wlan.dead = false;
    timeline.run(3);
    const start = timeline.now;
    timeline.answerBy((path) => path === 'wlan0' && wlan.dead);
    wlan.dead = true;
    timeline.run(3);
    wlan.dead = false;
    timeline.run(30);
    expect(timeline.states('wlan0', start)).toEqual(['up', 'stalled', 'up']);
  });
});
