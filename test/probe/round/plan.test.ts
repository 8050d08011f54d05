import { describe, expect, it } from 'vitest';
import type { BulkSettings, TransferSettings } from '../../../exporter/src/config/probes/settings.ts';
import { planRound, type Situation } from '../../../exporter/src/probe/round/plan.ts';
import { bulkSettings, place, scripted } from '../../support/rounds.ts';

const probe = scripted(() => 1);
const plan = (settings: BulkSettings, situation: Partial<Situation>) =>
  planRound(settings, probe, { places: [], backups: new Set(), hasOwnBudget: () => false, ...situation });
const namesOf = (legs: ReturnType<typeof plan>) =>
  legs.map(({ path, leg: { direction, sizeBytes } }) =>
    [path, direction, ...(sizeBytes === undefined ? [] : [sizeBytes])].join(' '),
  );

const HOME = [place('eth', 1), place('wlan', 2), place('lte', 3, true)];

const transfer: TransferSettings = {
  type: 'transfer',
  target: { text: 'vps', host: 'vps', port: 1 },
  timetable: { intervalSeconds: 1, jitterSeconds: 0 },
  timeoutSeconds: 1,
  directions: ['down'],
  mptcp: true,
  protocol: 'http',
  sizesBytes: [16_000, 1_000_000, 4_000_000],
};

describe('a round', () => {
  it('measures what is compared close in time: each path alone, then MPTCP, of one direction and then of the other', () => {
    expect(namesOf(plan(bulkSettings(), { places: HOME.slice(0, 2) }))).toEqual([
      'eth up',
      'wlan up',
      'mptcp up',
      'eth down',
      'wlan down',
      'mptcp down',
    ]);
  });

  it('leaves out a metered path without a budget of its own, and MPTCP too, which would use it', () => {
    expect(namesOf(plan(bulkSettings({ directions: ['up'] }), { places: HOME }))).toEqual(['eth up', 'wlan up']);
  });

  it('has MPTCP in while a metered path without a budget is only a backup', () => {
    const legs = plan(bulkSettings({ directions: ['up'] }), { places: HOME, backups: new Set(['lte']) });
    expect(namesOf(legs)).toEqual(['eth up', 'wlan up', 'mptcp up']);
    expect(legs.at(-1)?.uses).toEqual(['eth', 'wlan']);
  });

  it('measures a metered path that has a budget, small files alone', () => {
    const hasOwnBudget = (path: string) => path === 'lte';
    expect(namesOf(plan(bulkSettings({ directions: ['up'] }), { places: HOME, hasOwnBudget }))).toEqual([
      'eth up',
      'wlan up',
      'lte up',
      'mptcp up',
    ]);
    expect(
      namesOf(plan(transfer, { places: [HOME[0], HOME[2]].filter((one) => one !== undefined), hasOwnBudget })),
    ).toEqual([
      'eth down 16000',
      'lte down 16000',
      'mptcp down 16000',
      'eth down 1000000',
      'lte down 1000000',
      'mptcp down 1000000',
      'eth down 4000000',
    ]);
  });

  it('keeps to the paths that were named, there or not, and to MPTCP only where it is wanted', () => {
    const settings = bulkSettings({ directions: ['up'], paths: ['wlan', 'dsl'], mptcp: false });
    expect(namesOf(plan(settings, { places: HOME }))).toEqual(['wlan up', 'dsl up']);
  });

  it('knows what each measurement costs whom: over MPTCP every path that has an interface and is no backup', () => {
    const places = [...HOME.slice(0, 2), { path: 'dsl', addresses: [], metered: false }];
    const legs = plan(bulkSettings({ directions: ['up'], paths: ['eth'] }), { places });
    expect(legs.map(({ path, uses }) => [path, uses])).toEqual([
      ['eth', ['eth']],
      ['mptcp', ['eth', 'wlan']],
    ]);
  });

  it('has no MPTCP without a path to carry it', () => {
    expect(namesOf(plan(bulkSettings(), { places: [] }))).toEqual([]);
  });
});
