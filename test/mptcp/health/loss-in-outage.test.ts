import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SubflowRecord } from '../../../exporter/src/mptcp/model.ts';
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

  it('nor what a subflow sends again that was closing meanwhile, and backs off for longer', () => {
    const { timeline, wlans } = slowUploads(2);
    const [slow, closing] = wlans;
    if (slow === undefined || closing === undefined) throw new Error('no flows');
    const start = timeline.now;
    timeline.answerBy((path) => path === 'wlan0' && slow.dead);
    const { tcp, ...record } = closing.record();
    timeline.connections.delete(closing.token);
    /** A hundred segments on their way since the outage began, of which five are sent again each time. */
    const close = (again: number) => {
      const [sent, retransmitted] = [100 * 1424 + 5 * 1424 * again, 5 * 1424 * again];
      closing.overrides = {
        ...record,
        state: 'fin_wait_1',
        tcp: {
          ...tcp,
          sentBytes: (tcp.sentBytes ?? 0) + sent,
          retransmittedBytes: (tcp.retransmittedBytes ?? 0) + retransmitted,
          unacknowledgedSegments: 100,
        },
      };
    };
    slow.dead = true;
    for (const again of [0, 1, 2, 3]) {
      close(again);
      timeline.run(2);
    }
    Object.assign(slow, { dead: false, rate: SLOW / 10 });
    timeline.run(1);
    for (let again = 4; again < 13; again++) {
      close(again);
      timeline.run(1);
    }
    timeline.run(10);
    expect(timeline.states('wlan0', start)).toEqual(['up', 'stalled', 'up']);
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

describe('outages in a row, as of a loose plug', () => {
  const cases = [3, 5, 7, 9].flatMap((gap) => [4, 7, 12].map((seconds) => [gap, seconds] as const));

  it.each(cases)(
    '%d s apart, of %d s each, are not taken for loss, and the path is up 5 s after each',
    (gap, seconds) => {
      for (const rate of [SLOW, 100 * SLOW]) {
        const { timeline, wlans } = slowUploads(2);
        for (const flow of wlans) flow.rate = rate;
        timeline.run(20);
        const start = timeline.now;
        const period = seconds + gap;
        const ends = [0, 1, 2, 3].map((outage) => start + outage * period + seconds);
        // The kernel repeats the SYN each second, which finds the link in order.
        timeline.answer = ({ path, verdictSeconds, timeoutSeconds }) => {
          const end = ends.find((at) => at >= timeline.now) ?? Number.POSITIVE_INFINITY;
          if (path !== 'wlan0' || timeline.now < end - seconds) return [{ alive: true, afterSeconds: 0.03 }];
          const answered = Math.ceil(end - timeline.now) + 0.03;
          return [
            ...(answered > verdictSeconds ? [{ alive: false, afterSeconds: verdictSeconds }] : []),
            ...(answered < timeoutSeconds ? [{ alive: true, afterSeconds: answered }] : []),
          ];
        };
        for (const _ of ends) {
          for (const flow of wlans) flow.dead = true;
          timeline.run(seconds);
          for (const flow of wlans) flow.dead = false;
          timeline.run(Math.min(gap, 5));
          // A sender in backoff does not try in a short pause, and stalls on.
          if (gap >= 5) expect(timeline.paths.get('wlan0')?.state).toBe('up');
          timeline.run(Math.max(0, gap - 5));
        }
        timeline.run(30);
        expect(timeline.paths.get('wlan0')?.state).toBe('up');
        expect(timeline.toldAfter('wlan0', 'high_loss', start)).toBe(Number.POSITIVE_INFINITY);
      }
    },
  );
});

/** Three slow streams and short connections through an outage of 9.4 s, as recorded. */
interface Recorded {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly number[])[];
}

describe('a blackhole in slow streams, as recorded', () => {
  const file = new URL('../../fixtures/health-6.18/slow-streams-blackhole.json', import.meta.url);
  const { columns, rows } = JSON.parse(readFileSync(file, 'utf8')) as Recorded;

  it('is an outage of no loss, until the end of the recording', () => {
    const timeline = new Timeline();
    timeline.eager = false;
    const flows = new Map<number, Flow>();
    timeline.answerBy(() => timeline.now - 100 > 15.5 && timeline.now - 100 < 24.9);
    for (const at of new Set(rows.map(([seconds = 0]) => seconds))) {
      const seen = new Map(rows.filter(([seconds]) => seconds === at).map((row) => [row[1] ?? 0, row]));
      for (const [subflow, flow] of flows) {
        if (seen.has(subflow)) continue;
        timeline.close(flow.token);
        flows.delete(subflow);
      }
      for (const [subflow, row] of seen) {
        const [flow = expect.fail()] = flows.has(subflow) ? [flows.get(subflow)] : timeline.connect(subflow, [WLAN]);
        flows.set(subflow, flow);
        flow.overrides = record(columns, row);
      }
      timeline.run(100 + at - timeline.now);
    }
    expect(timeline.states('wlan0', 112)).toEqual(['up', 'stalled', 'up']);
  });
});

/** The fields of a recorded row, as the kernel gives them. */
function record(columns: readonly string[], row: readonly number[]): Partial<SubflowRecord> {
  const value = (name: string) => row[columns.indexOf(name)] ?? Number.NaN;
  return {
    sendQueueBytes: value('sendQueueBytes'),
    tcp: {
      sentBytes: value('sentBytes'),
      retransmittedBytes: value('retransmittedBytes'),
      acknowledgedBytes: value('acknowledgedBytes'),
      receivedBytes: value('receivedBytes'),
      unacknowledgedSegments: value('unacknowledgedSegments'),
      backoff: value('backoff'),
      retransmissionTimeoutSeconds: value('retransmissionTimeoutMs') / 1000,
      rttSeconds: value('rttMs') / 1000,
      lastAcknowledgementSeconds: value('lastAcknowledgementMs') / 1000,
      lastDataSentSeconds: value('lastDataSentMs') / 1000,
      lastDataReceivedSeconds: value('lastDataReceivedMs') / 1000,
    },
  };
}
