import { describe, expect, it } from 'vitest';
import { Evidence } from '../../exporter/src/probe/evidence.ts';
import {
  FAILURE_REASONS,
  type FailureReason,
  failed,
  type Latency,
  type ProbeResult,
} from '../../exporter/src/probe/probe.ts';

const ANSWER: ProbeResult<Latency> = { ok: true, value: { rttSeconds: 0.01 } };

/** Runs of one probe on `eth` and `lte`, a column each second: `.` an answer, else the first letter of the reason. */
function judged(
  rows: Readonly<Record<string, readonly (FailureReason | 'ok')[]>>,
  evidence = new Evidence(),
  entry = 0,
) {
  const length = Math.max(...Object.values(rows).map((row) => row.length));
  for (let second = 0; second < length; second++) {
    for (const [path, row] of Object.entries(rows)) {
      const outcome = row[second];
      if (outcome === undefined) continue;
      evidence.learn(entry, path, outcome === 'ok' ? ANSWER : failed(outcome, ''), second);
    }
  }
  return [...evidence.failing.keys()];
}

const times = <T>(count: number, what: T): T[] => Array.from({ length: count }, () => what);

describe('probes tell that a path fails', () => {
  it.each<[string, Record<string, (FailureReason | 'ok')[]>, string[]]>([
    [
      'three in a row while the same target answers elsewhere',
      { eth: times(3, 'ok'), lte: times(3, 'timeout') },
      ['lte'],
    ],
    ['two in a row are not enough', { eth: times(2, 'ok'), lte: times(2, 'timeout') }, []],
    ['not in a row', { eth: times(5, 'ok'), lte: ['timeout', 'timeout', 'ok', 'timeout', 'timeout'] }, []],
    ['nobody answers: it is the target', { eth: times(9, 'timeout'), lte: times(9, 'timeout') }, []],
    ['there is no other path', { lte: times(9, 'timeout') }, []],
    [
      'the other path answered only before',
      { eth: ['ok', 'timeout', 'timeout', 'timeout'], lte: ['ok', ...times(3, 'timeout' as const)] },
      [],
    ],
    ['cleared by the first answer', { eth: times(5, 'ok'), lte: [...times(4, 'timeout' as const), 'ok'] }, []],
    ['reasons mixed', { eth: times(3, 'ok'), lte: ['timeout', 'unreachable', 'broken'] }, ['lte']],
    ['a refusal is an answer', { eth: times(3, 'ok'), lte: times(3, 'refused') }, []],
    ['on the other path, too', { eth: times(3, 'refused'), lte: times(3, 'timeout') }, ['lte']],
    [
      'what says nothing of the path does not interrupt',
      { eth: times(4, 'ok'), lte: ['timeout', 'overloaded', 'timeout', 'timeout'] },
      ['lte'],
    ],
    [
      'an interface that was away begins anew',
      { eth: times(5, 'ok'), lte: ['timeout', 'timeout', 'no_interface', 'timeout', 'timeout'] },
      [],
    ],
    [
      'of three paths two',
      { eth: times(3, 'ok'), wlan: times(3, 'timeout'), lte: times(3, 'timeout') },
      ['wlan', 'lte'],
    ],
  ])('%s', (_, rows, failing) => {
    expect(judged(rows)).toEqual(failing);
  });

  it('not while another probe gets an answer on the path', () => {
    const evidence = new Evidence();
    judged({ eth: times(4, 'ok'), lte: times(4, 'ok') }, evidence, 1);
    expect(judged({ eth: times(4, 'ok'), lte: times(4, 'timeout') }, evidence, 0)).toEqual([]);
  });

  it('with the time of the first failing run and of the latest', () => {
    const evidence = new Evidence();
    judged({ eth: times(6, 'ok'), lte: ['ok', ...times(5, 'timeout' as const)] }, evidence);
    expect(evidence.failing.get('lte')).toEqual({ failingSinceSeconds: 1, lastFailedSeconds: 5 });
  });

  it('no more when it is not probed any more', () => {
    const evidence = new Evidence();
    judged({ eth: times(3, 'ok'), lte: times(3, 'timeout') }, evidence);
    evidence.keep(new Set(['eth']));
    expect([...evidence.failing]).toEqual([]);
  });

  it('by no other reasons than those that speak of the way', () => {
    const telling = FAILURE_REASONS.filter(
      (reason) => judged({ eth: times(3, 'ok'), lte: times(3, reason) }).length > 0,
    );
    expect(telling).toEqual(['timeout', 'unreachable', 'broken']);
  });
});
