import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PathState } from '../../../exporter/src/mptcp/health/states.ts';
import type { FaultName } from '../../lab/faults/faults.ts';
import type { EnteredState } from '../states.ts';
import { contradictions, tellContradiction } from './contradictions.ts';
import { planBlocks } from './plan.ts';
import type { FaultEntry, LabRecord } from './record.ts';

const UNTIL = 100;

/** Traffic from 10 to 80 s, and the fault on wlan0 from 30 to 40 s. */
function recordOf(name?: FaultName, more: Partial<FaultEntry> & Partial<Pick<LabRecord, 'late'>> = {}): LabRecord {
  const { late = [], ...changed } = more;
  const fault: FaultEntry = {
    name: name ?? 'blackhole',
    link: 'wlan0',
    startedAt: 29.9,
    appliedAt: 30,
    endingAt: 40,
    endedAt: 40.1,
    load: 'upload',
    moving: true,
    checkedLately: false,
    alone: true,
    ...changed,
  };
  const traffic = [{ openedAt: 10, endingAt: 80 }];
  return { links: ['eth0', 'wlan0'], traffic, faults: name === undefined ? [] : [fault], late };
}

/** A path's states, each with the moment at which it was entered. */
const history = (path: string, ...states: readonly (readonly [at: number, to: PathState])[]): EnteredState[] =>
  states.map(([at, to]) => ({ at, path, from: undefined, to, reasons: [] }));

const UP = history('eth0', [1, 'unused'], [11, 'up']);

const found = (record: LabRecord, ...wlan: readonly (readonly [at: number, to: PathState])[]) =>
  contradictions(record, [...UP, ...history('wlan0', [1, 'unused'], [11, 'up'], ...wlan)], UNTIL).map(
    ({ path, state, from, to }) => `${path} ${state} ${from.toFixed(2)} to ${to.toFixed(2)}`,
  );

describe('what contradicts the record of a lab', () => {
  it.each<[what: string, record: LabRecord, wlan: readonly (readonly [number, PathState])[]]>([
    ['paths that are up without faults', recordOf(), []],
    ['a path that is unused after its traffic', recordOf(), [[92, 'unused']]],
    [
      'a dead path told within 2 s of an upload, and up within 5 s',
      recordOf('blackhole'),
      [
        [32, 'stalled'],
        [45, 'up'],
      ],
    ],
    [
      'a suspicion before that',
      recordOf('blackhole'),
      [
        [31, 'degraded'],
        [32, 'stalled'],
        [45, 'up'],
      ],
    ],
    [
      'a dead path told within 3 s of a download',
      recordOf('blackhole', { load: 'download' }),
      [
        [33, 'stalled'],
        [41, 'up'],
      ],
    ],
    [
      'and within 6.5 s when it had just been checked',
      recordOf('blackhole', { load: 'download', checkedLately: true }),
      [
        [36.5, 'stalled'],
        [41, 'up'],
      ],
    ],
    ['a dead path that nothing wants to use', recordOf('blackhole', { load: 'idle' }), []],
    ['a dead path over which nothing moved when it died', recordOf('blackhole', { moving: false }), []],
    ['a dead path beside another fault', recordOf('blackhole', { alone: false }), []],
    [
      'a lost carrier told within half a second, whatever moves',
      recordOf('carrier-lost', { load: 'idle' }),
      [
        [30.5, 'down'],
        [44, 'up'],
      ],
    ],
    [
      'bad quality told within 15 s',
      recordOf('loss', { endingAt: 60, endedAt: 60 }),
      [
        [44, 'degraded'],
        [79, 'up'],
      ],
    ],
    ['bad quality of what arrives, which this end cannot know', recordOf('delay', { load: 'download' }), []],
    [
      'a deleted endpoint told within a second',
      recordOf('endpoint-deleted'),
      [
        [31, 'missing'],
        [42, 'up'],
      ],
    ],
    [
      'what is told as late as the whole machine was',
      recordOf('blackhole', { late: [{ at: 32, seconds: 0.4 }] }),
      [
        [32.6, 'stalled'],
        [41, 'up'],
      ],
    ],
    [
      'anything right after the machine stood still',
      recordOf(undefined, { late: [{ at: 50, seconds: 2 }] }),
      [
        [50, 'stalled'],
        [54, 'up'],
      ],
    ],
  ])('nothing: %s', (_what, record, wlan) => {
    expect(found(record, ...wlan)).toEqual([]);
  });

  it.each<
    [what: string, record: LabRecord, wlan: readonly (readonly [number, PathState])[], expected: readonly string[]]
  >([
    [
      'a false alarm',
      recordOf(),
      [
        [50, 'stalled'],
        [50.1, 'up'],
      ],
      ['wlan0 stalled 50.00 to 50.10'],
    ],
    ['a path in use called unused', recordOf(), [[50, 'unused']], ['wlan0 unused 50.00 to 80.00']],
    [
      'an alarm while a dead path is idle',
      recordOf('blackhole', { load: 'idle' }),
      [
        [33, 'down'],
        [35, 'up'],
      ],
      ['wlan0 down 33.00 to 35.00'],
    ],
    [
      'a dead path told late',
      recordOf('blackhole'),
      [
        [33, 'stalled'],
        [41, 'up'],
      ],
      ['wlan0 up 32.25 to 33.00'],
    ],
    ['a dead path never told', recordOf('carrier-lost'), [], ['wlan0 up 30.75 to 40.00']],
    [
      'the wrong alarm',
      recordOf('carrier-lost'),
      [
        [30.1, 'stalled'],
        [41, 'up'],
      ],
      ['wlan0 stalled 30.10 to 40.00'],
    ],
    [
      'an alarm that ends before its fault',
      recordOf('blackhole'),
      [
        [31, 'stalled'],
        [35, 'up'],
      ],
      ['wlan0 up 35.00 to 40.00'],
    ],
    [
      'an alarm that stays on',
      recordOf('blackhole'),
      [
        [31, 'stalled'],
        [47, 'up'],
      ],
      ['wlan0 stalled 45.35 to 47.00'],
    ],
    [
      'a fault blamed on the healthy path',
      recordOf('blackhole', { link: 'eth0' }),
      [
        [31, 'stalled'],
        [32, 'up'],
      ],
      ['eth0 up 32.25 to 40.00', 'wlan0 stalled 31.00 to 32.00'],
    ],
  ])('told: %s', (_what, record, wlan, expected) => {
    expect(found(record, ...wlan)).toEqual(expected);
  });

  it('is told in words that name the fault and what was allowed', () => {
    const [first] = contradictions(recordOf('carrier-lost'), [...UP, ...history('wlan0', [11, 'up'])], UNTIL);
    expect(first && tellContradiction(first, 30)).toBe(
      'wlan0 was up () from 0.75 to 10.00 s, not down (carrier-lost during upload)',
    );
  });
});

describe('a plan of random faults', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(planBlocks(1, 5)).toEqual(planBlocks(1, 5));
    expect(planBlocks(1, 5)).not.toEqual(planBlocks(2, 5));
  });

  it('leaves the healthy link alone and never breaks one link twice at a time', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        for (const { healthy, episodes } of planBlocks(seed, 3)) {
          for (const { fault, second } of episodes) {
            expect(fault.link).not.toBe(healthy);
            if (second === undefined) continue;
            expect([healthy, fault.link]).not.toContain(second.link);
            expect([fault.name, second.name]).not.toContain('limits-reached');
          }
        }
      }),
    );
  });
});
