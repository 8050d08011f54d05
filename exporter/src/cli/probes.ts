import type { Configuration } from '../config/schema.ts';
import type { ErrorTally } from '../error-tally.ts';
import { asExporterError } from '../errors.ts';
import { type Libc, loadLibc } from '../linux/libc.ts';
import { runner } from '../linux/tool/exec.ts';
import type { Snapshot, SocketAddress } from '../mptcp/model.ts';
import type { ProbePicture } from '../observer/picture.ts';
import { Account } from '../probe/account.ts';
import type { PathBudget } from '../probe/budget/budget.ts';
import { PROBES } from '../probe/list.ts';
import { ownPeers } from '../probe/own-peers.ts';
import { placesBy } from '../probe/places.ts';
import type { PathPlace } from '../probe/probe.ts';
import { type OnResult, Prober } from '../probe/prober.ts';
import { TargetResolver } from '../probe/resolver.ts';
import { ProbeResults } from '../probe/results.ts';
import { RoundResults } from '../probe/round/aggregation.ts';
import { Rounds } from '../probe/round/rounds.ts';
import type { HealthLog } from './health-log.ts';
import { openBudget } from './probe-budget.ts';
import { probeLog } from './probe-log.ts';

/** Programs that probes run at once; reading the kernel has places of its own. */
const MOST_CHILDREN = 64;

/** What the probes are made of. */
interface Wiring {
  readonly configuration: Configuration;
  /** The last look, for where the paths are. */
  readonly snapshot: () => Snapshot | undefined;
  readonly log: HealthLog;
  readonly errors: ErrorTally;
}

/** The probes that are configured, and what they bring. */
export interface Probes {
  readonly prober: Prober;
  readonly picture: ProbePicture;
  readonly budget: PathBudget | undefined;
  /** Whether MPTCP connections to this peer are probes of ours. */
  readonly isOwn: (peer: SocketAddress) => boolean;
}

/** Makes the configured probes; nothing where there are none. They begin with the prober's `start`. */
export function openProbes({ configuration, snapshot, log, errors }: Wiring): Probes | undefined {
  if (configuration.probes.length === 0) return undefined;
  const results = new ProbeResults();
  let loaded: Promise<Libc> | undefined;
  const libc = () => {
    loaded ??= loadLibc();
    return loaded;
  };
  const budget = openBudget(configuration.probeBudget, { libc, log, errors });
  void budget?.start(); // so that what is left of it is known before the first probe
  const account = new Account(budget);
  const placesOf = placesBy(configuration.paths, new Set(configuration.probes.flatMap(({ paths = [] }) => paths)));
  const logged = probeLog(log);
  let lastPlaces: readonly PathPlace[] | undefined;
  const places = () => {
    const last = snapshot();
    // Not read is not gone.
    if (last?.interfaces.value !== undefined) lastPlaces = placesOf(last);
    return lastPlaces;
  };
  const onResult: OnResult = (settings, path, result) => {
    if (!result.ok && result.reason === 'internal') errors.count('probes', 'internal');
    logged(settings, path, result);
  };
  const resolver = new TargetResolver();
  const context = { account, resolver, run: runner(MOST_CHILDREN), libc, places };
  const roundResults = new RoundResults();
  const rounds = new Rounds({
    ...context,
    ...(budget !== undefined && { budget }),
    backups: () => {
      const backups = (snapshot()?.paths ?? []).filter(({ backup }) => backup === true);
      return new Set(backups.map(({ name }) => name));
    },
    onLeg: (settings, leg) => {
      results.bulk(settings, leg.path, leg.result);
      roundResults.leg(settings, leg);
      onResult(settings, leg.path, leg.result);
    },
    onRound: (round) => roundResults.round(round),
  });
  const prober = new Prober({
    ...context,
    probes: configuration.probes,
    list: PROBES,
    results,
    rounds,
    onResult,
    onBug: (caught) => {
      const { code, line } = asExporterError(caught);
      errors.count('probes', code);
      log.warn({ part: 'probes', code }, line);
    },
  });
  const picture = { results, account, rounds: roundResults, ...(budget !== undefined && { budget }) };
  return { prober, picture, budget, isOwn: ownPeers(configuration.probes, resolver) };
}
