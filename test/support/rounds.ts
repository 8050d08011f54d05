import { type BulkSettings, MPTCP_PATH, type ThroughputSettings } from '../../exporter/src/config/probes/settings.ts';
import { Account } from '../../exporter/src/probe/account.ts';
import type { PathBudget } from '../../exporter/src/probe/budget/budget.ts';
import {
  type BulkProbe,
  type FailureReason,
  failed,
  type LegRun,
  type Measurement,
  type PathPlace,
  type ProbeResult,
} from '../../exporter/src/probe/probe.ts';
import { RoundResults } from '../../exporter/src/probe/round/aggregation.ts';
import { type LegRecord, Rounds, type RoundsOptions } from '../../exporter/src/probe/round/rounds.ts';

export const MBIT = 125_000;

/** A path with an interface of its name. */
export function place(path: string, index: number, metered = false): PathPlace {
  return { path, interfaceName: path, addresses: [`10.77.${index}.1`], metered };
}

/** Settings of a throughput probe that goes both ways. */
export function bulkSettings(rest: Partial<ThroughputSettings> = {}): ThroughputSettings {
  return {
    type: 'throughput',
    target: { text: 'vps', host: '10.77.1.2', port: 1 },
    timetable: { intervalSeconds: 3600, jitterSeconds: 0 },
    timeoutSeconds: 5,
    directions: ['up', 'down'],
    mptcp: true,
    durationSeconds: 1,
    ...rest,
  };
}

/** What a leg brings: a rate, a failure, or whatever a function of its own makes of it. */
export type Script = (
  run: LegRun,
) => number | FailureReason | Promise<ProbeResult<Measurement>> | ProbeResult<Measurement>;

/** A bulk probe that moves nothing: a leg brings what the script says, in one second. */
export function scripted(script: Script, cost = { leastBytes: 1000, mostBytes: 10_000_000 }): BulkProbe {
  return {
    kind: 'bulk',
    legs: (settings) =>
      settings.directions.flatMap((direction) =>
        settings.type === 'transfer'
          ? settings.sizesBytes.map((sizeBytes) => ({ direction, sizeBytes }))
          : [{ direction }],
      ),
    cost: () => cost,
    run: async (run) => {
      const brought = await script(run);
      if (typeof brought === 'string') return failed(brought, 'as the script says');
      if (typeof brought !== 'number') return brought;
      return { ok: true, value: { bytes: brought, seconds: 1, loadedRttSeconds: [] } };
    },
  };
}

/** Rounds over some paths, and what they bring. */
export function roundsOver(
  places: readonly PathPlace[],
  options: Partial<Pick<RoundsOptions, 'wait'>> & {
    readonly budget?: PathBudget;
    readonly backups?: readonly string[];
  } = {},
) {
  const { budget, backups = [] } = options;
  const account = new Account(budget);
  const legs: LegRecord[] = [];
  const results = new RoundResults();
  const rounds = new Rounds({
    account,
    ...(budget !== undefined && { budget }),
    resolver: { addresses: async (host) => [host] },
    libc: () => Promise.reject(new Error('no libc here')),
    run: () => Promise.reject(new Error('no tools here')),
    places: () => places,
    backups: () => new Set(backups),
    onLeg: (settings, leg) => {
      legs.push(leg);
      results.leg(settings, leg);
    },
    onRound: (round) => results.round(round),
    wait: options.wait ?? (async () => undefined),
  });
  const run = (settings: BulkSettings, script: Script | BulkProbe, signal = new AbortController().signal) =>
    rounds.round(settings, typeof script === 'function' ? scripted(script) : script, signal);
  return { rounds, account, legs, results, run };
}

/** The names of legs in the order they ran. */
export function namesOf(legs: readonly LegRecord[]): readonly string[] {
  return legs.map(
    ({ path, leg }) => `${path} ${leg.direction}${leg.sizeBytes === undefined ? '' : ` ${leg.sizeBytes}`}`,
  );
}

/** A script of rates in Mbit/s by path, the same both ways; `mptcp` tells the meter what each path moved. */
export function rates(byPath: Readonly<Record<string, number>>, shares: Readonly<Record<string, number>> = {}): Script {
  return ({ path, meter, leg }) => {
    if (path === MPTCP_PATH) {
      const count = leg.direction === 'up' ? meter.sent.bind(meter) : meter.received.bind(meter);
      for (const [each, bytes] of Object.entries(shares)) count(bytes, each);
    }
    return (byPath[path] ?? 0) * MBIT;
  };
}
