import { describe, expect, it } from 'vitest';
import { ETH, Timeline, WLAN } from './timeline.ts';

/**
 * Recorded at an uploading end on Linux 6.18, 30 % of the packets lost each way from 0 s on. Each row: seconds; bytes in the
 * send queue; bytes since 0 s sent, sent again and acknowledged; unacknowledged segments; backoff; retransmission timeout in ms;
 * when the last acknowledgement came and the last segment went.
 */
type Row = readonly [number, number, number, number, number, number, number, number, number, number];

const RECORDED: Readonly<Record<string, readonly Row[]>> = {
  'comes through now and then': [
    [0.1, 160768, 0, 0, 0, 15, 0, 228, 0.1, 0.1],
    [0.6, 145104, 103856, 24208, 81120, 14, 1, 456, 0.26, 0.5],
    [1.0, 145104, 105280, 25632, 81120, 14, 2, 912, 0.26, 0.88],
    [1.5, 143680, 113824, 29904, 82544, 16, 0, 1180, 1.26, 1.26],
    [3.0, 143680, 115248, 31328, 82544, 16, 1, 2360, 1.26, 2.53],
    [4.9, 137984, 130912, 32752, 88240, 22, 0, 4712, 4.88, 4.88],
    [5.4, 96736, 163664, 51264, 129488, 3, 0, 4168, 5.06, 5.07],
    [9.2, 162192, 165088, 52688, 129488, 3, 1, 8336, 5.06, 9.19],
    [9.7, 146528, 186448, 56960, 145152, 4, 0, 1456, 9.35, 9.37],
    [11.2, 146528, 187872, 58384, 145152, 4, 1, 2912, 9.35, 10.86],
    [14.0, 146528, 189296, 59808, 145152, 4, 2, 5824, 9.35, 13.78],
  ],
  'loses one retransmission after the other': [
    [0.1, 137984, 0, 0, 0, 14, 0, 232, 0.1, 0.1],
    [0.5, 92464, 74000, 32704, 45520, 11, 0, 264, 0.44, 0.44],
    [1.0, 86768, 82544, 41248, 51216, 7, 0, 452, 0.79, 0.79],
    [1.5, 152224, 83968, 42672, 51216, 7, 1, 904, 0.79, 1.28],
    [2.5, 152224, 85392, 44096, 51216, 7, 2, 1808, 0.79, 2.24],
    [4.4, 152224, 86816, 45520, 51216, 7, 3, 3616, 0.79, 4.04],
    [8.2, 152224, 88240, 46944, 51216, 7, 4, 7232, 0.79, 7.84],
    [15.5, 152224, 89664, 48368, 51216, 7, 5, 14464, 0.79, 15.29],
  ],
  'loses all of the first seconds': [
    [0.0, 113824, 0, 0, 0, 22, 0, 232, 0, 0],
    [0.5, 140832, 59664, 21264, 38448, 22, 1, 456, 0.15, 0.36],
    [1.0, 140832, 61088, 22688, 38448, 22, 2, 912, 0.15, 0.85],
    [2.0, 140832, 62512, 24112, 38448, 22, 3, 1824, 0.15, 1.82],
    [3.9, 140832, 63936, 25536, 38448, 22, 4, 3648, 0.15, 3.6],
    [7.8, 140832, 65360, 26960, 38448, 22, 5, 7296, 0.15, 7.34],
    [15.0, 132288, 71056, 28384, 46992, 19, 0, 16176, 14.76, 14.76],
  ],
};

/** An upload over a good path and one that does what was recorded, 18 s long after 10 s of health. */
function replay(rows: readonly Row[], answersAfterSeconds: number): { timeline: Timeline; start: number } {
  const timeline = new Timeline();
  const [eth, wlan] = timeline.connect(1, [ETH, WLAN]);
  if (eth === undefined || wlan === undefined) throw new Error('no flows');
  timeline.answer = ({ verdictSeconds }) => [
    ...(answersAfterSeconds > verdictSeconds ? [{ alive: false, afterSeconds: verdictSeconds }] : []),
    { alive: true, afterSeconds: answersAfterSeconds },
  ];
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

describe('a path that loses 30 % each way', () => {
  const cases = Object.entries(RECORDED).flatMap(([how, rows]) =>
    [0.03, 1.03, 2.03, 3.03].map((answered) => [how, answered, rows] as const),
  );

  it.each(cases)(
    'is degraded within 15 s, of high loss: it %s, checks are answered after %d s',
    (_how, answered, rows) => {
      const { timeline, start } = replay(rows, answered);
      expect(timeline.enteredAfter('wlan0', 'degraded', start)).toBeLessThanOrEqual(15);
      expect(timeline.reasons('wlan0')).toContain('high_loss');
      expect(timeline.states('eth0', start)).toEqual(['up']);
    },
  );
});
