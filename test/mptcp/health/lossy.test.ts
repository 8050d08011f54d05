import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ETH, Timeline, WLAN } from './timeline.ts';

/**
 * Recorded at an uploading end on Linux 6.18, 30 % of the packets lost each way from 0 s on. Each row: seconds; bytes in the
 * send queue; bytes since 0 s sent, sent again and acknowledged; unacknowledged segments; backoff; retransmission timeout in ms;
 * when the last acknowledgement came and the last segment went.
 */
type Row = readonly [number, number, number, number, number, number, number, number, number, number];

const FILE = new URL('../../fixtures/health-6.18/loss-30-percent.json', import.meta.url);
const { recordings } = JSON.parse(readFileSync(FILE, 'utf8')) as { readonly recordings: readonly (readonly Row[])[] };

/** A SYN is answered when neither it nor its SYN-ACK is lost. */
const ANSWERED = 0.7 * 0.7;

/** An upload over a good path and one that does what was recorded, 18 s long after 10 s of health; `chance` draws from 0 to 1. */
function replay(rows: readonly Row[], chance: () => number): { timeline: Timeline; start: number } {
  const timeline = new Timeline();
  const [eth, wlan] = timeline.connect(1, [ETH, WLAN]);
  if (eth === undefined || wlan === undefined) throw new Error('no flows');
  // The kernel repeats a SYN each second.
  timeline.answer = ({ verdictSeconds, timeoutSeconds }) => {
    let answered = 0.03;
    while (chance() > ANSWERED) answered++;
    return [
      ...(answered > verdictSeconds ? [{ alive: false, afterSeconds: verdictSeconds }] : []),
      ...(answered < timeoutSeconds ? [{ alive: true, afterSeconds: answered }] : []),
    ];
  };
  eth.sending = wlan.sending = true;
  timeline.run(10);
  const start = timeline.now;
  const { tcp } = wlan.record();
  wlan.sending = false;
  for (let at = 0.1; at < 18; at += 0.1) {
    const row = rows.findLast(([from]) => from <= at) ?? rows[0];
    if (row === undefined) throw new Error('no rows');
    const [, sendQueueBytes, sent, retransmitted, acknowledged, unacknowledgedSegments, backoff, timeout, ack, send] =
      row;
    wlan.overrides = {
      sendQueueBytes,
      tcp: {
        ...tcp,
        sentBytes: (tcp.sentBytes ?? 0) + sent,
        retransmittedBytes: (tcp.retransmittedBytes ?? 0) + retransmitted,
        acknowledgedBytes: (tcp.acknowledgedBytes ?? 0) + acknowledged,
        unacknowledgedSegments,
        backoff,
        retransmissionTimeoutSeconds: timeout / 1000,
        lastAcknowledgementSeconds: at - ack,
        lastDataSentSeconds: at - send,
      },
    };
    timeline.run(0.1);
  }
  return { timeline, start };
}

/** Numbers from 0 to 1, the same for the same seed (Park and Miller). */
function chanceOf(seed: number): () => number {
  let state = 7919 * seed;
  return () => {
    state = (48_271 * state) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

describe('a path that loses 30 % each way', () => {
  const seeds = Array.from({ length: 20 }, (_, index) => index + 1);
  const told = recordings.map((rows, index) =>
    seeds.map((seed) => {
      const { timeline, start } = replay(rows, chanceOf(100 * seed + index));
      expect(timeline.states('eth0', start)).toEqual(['up']);
      return timeline.toldAfter('wlan0', 'high_loss', start);
    }),
  );

  // Where one retransmission is lost after the other, and one SYN after the other, nothing tells it from an outage.
  it('is told for high loss within 15 s, but for one time in thirty', () => {
    const all = told.flat().sort((a, b) => a - b);
    expect(all.filter((seconds) => seconds > 15).length).toBeLessThanOrEqual(all.length / 30);
    expect(all[Math.floor(all.length / 2)]).toBeLessThanOrEqual(8);
  });

  it.each(told.map((times, index) => [index + 1, times] as const))(
    'is told as a rule: recording %d',
    (_index, times) => {
      expect(times.filter((seconds) => seconds <= 15).length).toBeGreaterThanOrEqual(0.8 * seeds.length);
    },
  );
});
