import type { ErrorTally } from '../error-tally.ts';
import type { InterfaceFacts } from '../linux/interface-facts.ts';
import { busiest } from '../mptcp/busiest.ts';
import type { Ledger } from '../mptcp/ledger.ts';
import type { Connection, PathManagerEvent, Snapshot, Subflow } from '../mptcp/model.ts';
import type { ThroughputMeter } from '../mptcp/throughput.ts';
import type { Account } from '../probe/account.ts';
import type { PathBudget } from '../probe/budget/budget.ts';
import type { ProbeResults } from '../probe/results.ts';
import type { RoundResults } from '../probe/round/aggregation.ts';
import type { HealthPicture } from './health-watch.ts';

/** The current picture: the last look, what has been summed up since the start, and which subflows get series. */
export interface Picture {
  readonly snapshot: Snapshot;
  readonly ledger: Ledger;
  readonly throughput: ThroughputMeter;
  readonly health: HealthPicture;
  readonly errors: ErrorTally;
  /** Absent when no probe is configured. */
  readonly probes?: ProbePicture;
  /** Path-manager events since the start by name; absent where the kernel does not tell them. */
  readonly pathManagerEvents?: ReadonlyMap<PathManagerEvent['name'], number>;
  /** Slow facts by interface name; empty until first learnt. */
  readonly facts: ReadonlyMap<string, InterfaceFacts>;
  /** The busiest subflows, at most the limit. */
  readonly shownSubflows: readonly Subflow[];
  /** The busiest connections, at most the limit. */
  readonly shownConnections: readonly Connection[];
  readonly hiddenSubflows: number;
}

/** What probes have brought, and what they have cost. */
export interface ProbePicture {
  readonly results: Pick<ProbeResults, 'series'>;
  readonly account: Pick<Account, 'spent'>;
  readonly rounds: Pick<
    RoundResults,
    'throughput' | 'transfers' | 'transferGains' | 'aggregation' | 'utilisation' | 'recommendations'
  >;
  /** Absent when no path has one. */
  readonly budget?: Pick<PathBudget, 'left'>;
}

/** Which subflows and connections of a look get series of their own. */
export type Shown = Pick<Picture, 'shownSubflows' | 'shownConnections' | 'hiddenSubflows'>;

/** Chooses the busiest, and keeps to a choice that is about as good, so that series last. */
export class Showcase {
  readonly #limit: number;
  #shownKeys: ReadonlySet<string | number> = new Set();

  /** `limit`: most subflows, and most connections. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Chooses among those of this look; `activity` is that of its subflows by index. */
  choose(snapshot: Snapshot, activity: Float64Array): Shown {
    const { subflows, connections } = snapshot.sockets.value ?? { subflows: [], connections: [] };
    const wasShown = ({ key }: { readonly key: string | number }) => this.#shownKeys.has(key);
    const shownSubflows = busiest(subflows, this.#limit, (_, index) => activity[index] ?? 0, wasShown);
    const busyness = ({ subflows: members }: Connection) => {
      let sum = 0;
      for (const index of members) sum += activity[index] ?? 0;
      return sum;
    };
    const shownConnections = busiest(connections, this.#limit, busyness, wasShown);
    if (shownSubflows.length < subflows.length || shownConnections.length < connections.length) {
      this.#shownKeys = new Set([...shownSubflows, ...shownConnections].map(({ key }) => key));
    }
    return { shownSubflows, shownConnections, hiddenSubflows: subflows.length - shownSubflows.length };
  }
}
