import type { ParsedExposition } from '../../metrics/parse.ts';
import type { Failure, Outcome, PathManagerEndpoint, Reading } from '../../mptcp/model.ts';

/** Where the kernel would send what leaves from an endpoint's address, towards the internet. */
export interface EndpointWay {
  readonly endpoint: PathManagerEndpoint;
  /** Of a socket like the path manager's: bound to the endpoint's interface if it has one. */
  readonly way: Outcome<Way | undefined>;
  /** The same without being bound, by which the kernel judges what comes in; only for an endpoint with an interface. */
  readonly unboundWay?: Outcome<Way | undefined>;
  /** rp_filter of its interface; IPv4 only. */
  readonly reversePathFilter?: number;
}

/** One way out. */
export interface Way {
  readonly interfaceName: string;
  readonly gateway?: string;
  /** Whether the link can have many neighbours, so that there ought to be a gateway. */
  readonly ethernet?: boolean;
}

/** What Prometheus says of the exporter. */
export interface Scraping {
  readonly url: string;
  /** Targets of the job `mptcp`, and how many of them are up. */
  readonly targets: number;
  readonly up: number;
}

/** Everything that `doctor` judges by. */
export interface Facts {
  /** One full look. */
  readonly reading: Reading;
  /** Why this source. */
  readonly sourceReason: string;
  /** Whether this process has CAP_NET_ADMIN; undefined when /proc does not tell. */
  readonly netAdmin: boolean | undefined;
  /** Releases of iproute2's programs, as `6.1`. */
  readonly tools: Readonly<Record<'ip' | 'ss', Outcome<string>>>;
  /** Why system calls cannot be made (koffi). */
  readonly systemCalls: Failure | undefined;
  readonly ways: readonly EndpointWay[];
  readonly clockSynchronised: boolean | undefined;
  /** What the running exporter exposes. */
  readonly exporter: Outcome<ParsedExposition>;
  readonly prometheus: Outcome<Scraping>;
}
