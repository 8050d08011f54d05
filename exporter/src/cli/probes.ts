import type { Configuration } from '../config/schema.ts';
import type { ErrorTally } from '../error-tally.ts';
import { type Libc, loadLibc } from '../linux/libc.ts';
import { runner } from '../linux/tool/exec.ts';
import type { Snapshot } from '../mptcp/model.ts';
import type { ProbePicture } from '../observer/picture.ts';
import { Account } from '../probe/account.ts';
import { PROBES } from '../probe/list.ts';
import { placesBy } from '../probe/places.ts';
import type { PathPlace } from '../probe/probe.ts';
import { Prober } from '../probe/prober.ts';
import { TargetResolver } from '../probe/resolver.ts';
import { ProbeResults } from '../probe/results.ts';
import type { HealthLog } from './health-log.ts';
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
}

/** Makes the configured probes; nothing where there are none. They begin with the prober's `start`. */
export function openProbes({ configuration, snapshot, log, errors }: Wiring): Probes | undefined {
  if (configuration.probes.length === 0) return undefined;
  const results = new ProbeResults();
  const account = new Account();
  const placesOf = placesBy(configuration.paths);
  const logged = probeLog(log);
  let libc: Promise<Libc> | undefined;
  let places: readonly PathPlace[] | undefined;
  const prober = new Prober({
    probes: configuration.probes,
    list: PROBES,
    results,
    account,
    resolver: new TargetResolver(),
    run: runner(MOST_CHILDREN),
    libc: () => {
      libc ??= loadLibc();
      return libc;
    },
    places: () => {
      const last = snapshot();
      // Not read is not gone.
      if (last?.interfaces.value !== undefined) places = placesOf(last);
      return places;
    },
    onResult: (settings, path, result) => {
      if (!result.ok && result.reason === 'internal') errors.count('probes', 'internal');
      logged(settings, path, result);
    },
  });
  return { prober, picture: { results, account } };
}
