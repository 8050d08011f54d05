import { isIP } from 'node:net';
import type { LatencySettings } from '../config/probes/settings.ts';
import type { Libc } from '../linux/libc.ts';
import type { Run } from '../linux/tool/exec.ts';
import type { Account } from './account.ts';
import {
  failed,
  type Latency,
  type LatencyProbe,
  type PathPlace,
  type ProbeFailure,
  type ProbeResult,
} from './probe.ts';
import { failureOf } from './reasons.ts';
import type { TargetResolver } from './resolver.ts';

/** From the timeout to going on without a run that does not end. */
const ABANDON_MS = 500;

/** What runs stand on. */
export interface RunContext {
  readonly libc: () => Promise<Libc>;
  readonly run: Run;
  readonly resolver: Pick<TargetResolver, 'addresses'>;
  readonly account: Account;
}

/** What a run came to. */
export interface Ended {
  readonly result: ProbeResult<Latency>;
  /** Settles when the run has left nothing behind, which is later than its result when it did not end in time. */
  readonly gone: Promise<void>;
}

/**
 * One run of a latency probe on a path as it is now. Never rejects; gives its result within the timeout and half a second.
 * `stop` ends it early, and then its result means nothing.
 */
export async function runLatency(
  context: RunContext,
  probe: LatencyProbe,
  settings: LatencySettings,
  place: PathPlace,
  stop: AbortSignal,
): Promise<Ended> {
  const abort = new AbortController();
  const cancel = (): void => abort.abort();
  stop.addEventListener('abort', cancel);
  let exhausted = false;
  let timer: NodeJS.Timeout | undefined;
  let abandon: NodeJS.Timeout | undefined;
  const late = new Promise<ProbeResult<Latency>>((resolve) => {
    const give = (): void => resolve(tooLate(settings));
    timer = setTimeout(() => {
      abort.abort();
      abandon = setTimeout(give, ABANDON_MS);
    }, settings.timeoutSeconds * 1000);
  });
  const running = ask(context, probe, settings, place, {
    signal: abort.signal,
    onExhausted: () => {
      exhausted = true;
      abort.abort();
    },
  }).catch(failureOf);
  const gone = running.then(() => {
    stop.removeEventListener('abort', cancel);
    clearTimeout(timer);
    clearTimeout(abandon);
  });
  const result = await Promise.race([running, late]);
  if (result.ok) return { result, gone };
  if (exhausted) return { result: outOfBudget(place), gone };
  return { result: result.reason === 'timeout' ? tooLate(settings) : result, gone };
}

function tooLate({ target, timeoutSeconds }: LatencySettings) {
  return failed('timeout', `no answer came from ${target.text} within ${timeoutSeconds} s`);
}

function outOfBudget({ path }: PathPlace) {
  return failed('budget_exhausted', `the budget of path ${path} is used up`);
}

async function ask(
  { account, resolver, libc, run }: RunContext,
  probe: LatencyProbe,
  settings: LatencySettings,
  place: PathPlace,
  { signal, onExhausted }: { readonly signal: AbortSignal; readonly onExhausted: () => void },
): Promise<ProbeResult<Latency>> {
  const { path, interfaceName } = place;
  const { host } = settings.target;
  // Servers of names that do not answer must not hold up the next run.
  const pair = await Promise.race([addressPair(resolver, host, place), aborted(signal)]);
  if (pair === undefined) return failed('unresolvable', `no address of ${host} came in time`);
  if ('ok' in pair) return pair;
  if (signal.aborted) return failed('timeout', `no time is left to ask ${host}`);
  const refusal = await account.reserve(path, probe.mostBytes(settings));
  if (refusal !== undefined) return refusal;
  return probe.run({
    settings,
    path,
    ...(interfaceName !== undefined && { interfaceName }),
    localAddress: pair.localAddress,
    address: pair.address,
    timeoutSeconds: settings.timeoutSeconds,
    signal,
    meter: account.meter(path, onExhausted),
    libc,
    run,
  });
}

/** Settles with the signal, which is of one run and goes with it. */
function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
}

/** Where a path asks a host, and from which address of its interface; why it cannot, if so. */
export async function addressPair(
  resolver: RunContext['resolver'],
  host: string,
  { path, interfaceName, addresses }: PathPlace,
): Promise<{ readonly address: string; readonly localAddress: string } | ProbeFailure> {
  if (interfaceName === undefined) return failed('no_interface', `path ${path} has no interface that is up`);
  const targets = await resolver.addresses(host);
  if (targets.length === 0) return failed('unresolvable', `no address is known of ${host}`);
  for (const address of targets) {
    const localAddress = addresses.find((local) => isIP(local) === isIP(address));
    if (localAddress !== undefined) return { address, localAddress };
  }
  return failed('no_address', `${interfaceName} has no address of the family of ${host}`);
}
