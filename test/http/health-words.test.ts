import { describe, expect, it } from 'vitest';
import { pathWords, verdict } from '../../exporter/src/http/health-words.ts';
import { PATH_STATES, type PathState, REASONS, type Reason } from '../../exporter/src/mptcp/health/states.ts';
import { Histogram } from '../../exporter/src/mptcp/histogram.ts';
import { judgement } from '../support/judgement.ts';

const CHANGED = new Date(2026, 10, 22, 14, 2, 11).getTime() / 1000;
const LATER = CHANGED + 600;

const words = (
  state: PathState,
  reasons: readonly Reason[] = [],
  { subflows = {}, carrier, now = LATER }: { subflows?: object; carrier?: boolean; now?: number } = {},
) => {
  const path = judgement(state, reasons);
  const judged = {
    judgement: { ...path, subflows: { ...path.subflows, ...subflows } },
    changedAtSeconds: CHANGED,
    failovers: new Histogram([]),
    recoveries: new Histogram([]),
  };
  return pathWords(judged, carrier, now);
};

describe('the words for a path', () => {
  it.each([
    ['up', [], { active: 2, idle: 1 }, 'Up since 14:02:11, carrying traffic'],
    ['up', [], { idle: 1, backup: 1 }, 'Up since 14:02:11, idle'],
    ['up', [], { backup: 1 }, 'Up since 14:02:11, standing by as a backup'],
    ['up', [], { closing: 1 }, 'Up since 14:02:11, closing'],
    ['up', [], {}, 'Up since 14:02:11, without a subflow at the moment'],
    ['unused', [], {}, 'Not used since 14:02:11'],
    ['stalled', ['no_acknowledgements'], {}, 'Stalled since 14:02:11: no acknowledgements'],
    [
      'degraded',
      ['high_loss', 'high_rtt'],
      {},
      'Degraded since 14:02:11: many packets are lost, round trips take far longer than usual',
    ],
    ['down', ['carrier_lost'], {}, 'Down since 14:02:11: no carrier'],
    ['missing', ['join_unanswered'], {}, 'Missing since 14:02:11: new subflows get no answer'],
  ] as const)('%s %j %j', (state, reasons, subflows, sentence) => {
    expect(words(state, reasons, { subflows }).words).toBe(sentence);
  });

  it('have the date of a change that was not today', () => {
    expect(words('unused', [], { now: CHANGED + 86_400 }).words).toBe('Not used since 2026-11-22 14:02:11');
  });

  it('say what to do for every reason, and nothing where all is well', () => {
    for (const reason of REASONS) expect(words('stalled', [reason]).advice, reason).toMatch(/^[A-Z].{15,}\.$/);
    expect(words('up').advice).toBeUndefined();
    expect(words('unused').advice).toBeUndefined();
  });

  it('say of a missing path that the kernel does not try again, and what does', () => {
    const { advice } = words('missing', ['reset_by_peer']);
    expect(advice).toContain('the kernel does not try again by itself');
    expect(advice).toContain('ip mptcp endpoint');
    expect(advice).toContain('ended it');
  });

  it('do not ask to remove an endpoint that is gone', () => {
    const { advice } = words('missing', ['endpoint_removed']);
    expect(advice).toContain('ip mptcp endpoint add');
    expect(advice).not.toContain('remove');
  });

  it('do not call a path dead that could not be checked', () => {
    expect(words('degraded', ['no_data_arriving']).advice).toContain('could not be checked');
    expect(words('stalled', ['no_data_arriving']).advice).not.toContain('could not be checked');
  });

  it('mention that an unused path has no carrier, and admit what is not known', () => {
    expect(words('unused', [], { carrier: false }).words).toBe('Not used since 14:02:11, no carrier');
    expect(pathWords(undefined, undefined, LATER)).toEqual({ words: 'Not known', condition: 'quiet' });
    expect(pathWords(undefined, false, LATER).words).toBe('Not known: no carrier');
  });

  it('show each state as good, poor, bad or quiet', () => {
    expect(PATH_STATES.map((state) => [state, words(state).condition])).toEqual([
      ['up', 'good'],
      ['degraded', 'poor'],
      ['stalled', 'bad'],
      ['down', 'bad'],
      ['missing', 'bad'],
      ['unused', 'quiet'],
    ]);
  });
});

describe('the verdict over all paths', () => {
  it.each<[string, readonly PathState[]]>([
    ['', []],
    ['', ['unused', 'unused']],
    [', all well', ['up', 'unused']],
    [', but b is degraded', ['up', 'degraded']],
    [', but a is stalled and b down', ['stalled', 'down', 'up']],
    [', but 3 paths are in trouble', ['stalled', 'down', 'missing']],
  ])('%j for %j', (sentence, states) => {
    expect(verdict(states.map((state, index) => ({ name: 'abc'.charAt(index), state })))).toBe(sentence);
  });
});
