import { isIP } from 'node:net';
import { type BulkSettings, MPTCP_PATH } from '../../config/probes/settings.ts';
import type { PathBudget } from '../budget/budget.ts';
import { addressPair, type RunContext } from '../latency-run.ts';
import { type BulkProbe, failed, type LegRun, type Measurement, type PathPlace, type ProbeResult } from '../probe.ts';
import { failureOf } from '../reasons.ts';
import { fairShare } from './fair-share.ts';
import { LegMeter, type Moved } from './leg-meter.ts';
import type { PlannedLeg } from './plan.ts';

/** From the timeout to going on without a leg that does not end. */
const ABANDON_MS = 1000;

/** What legs stand on. */
export interface LegContext extends RunContext {
  readonly budget?: PathBudget;
  /** Where the paths are now; `undefined` while that is not known. */
  readonly places: () => readonly PathPlace[] | undefined;
}

/** What a leg came to. */
export interface LegOutcome {
  readonly result: ProbeResult<Measurement>;
  /** Of a leg over MPTCP, what each path moved. */
  readonly moved: ReadonlyMap<string, Moved>;
}

/** One leg on a path as it is now: the first of those that the round still has. Never rejects. */
export async function runLeg(
  context: LegContext,
  settings: BulkSettings,
  probe: BulkProbe,
  planned: PlannedLeg,
  rest: readonly PlannedLeg[],
  stop: AbortSignal,
): Promise<LegOutcome> {
  const where = await placed(context, settings, planned).catch(failureOf);
  if ('ok' in where) return { result: where, moved: new Map() };
  const granted = await grant(context, settings, probe, planned, rest);
  if (typeof granted !== 'number') {
    await settle(context, planned);
    return { result: granted, moved: new Map() };
  }

  const abort = new AbortController();
  let exhausted = false;
  const meter = new LegMeter({
    account: context.account,
    paths: planned.uses,
    grantedBytes: granted,
    onExhausted: () => {
      exhausted = true;
      abort.abort();
    },
  });
  const run: LegRun = {
    settings,
    leg: planned.leg,
    path: planned.path,
    ...where,
    timeoutSeconds: settings.timeoutSeconds,
    signal: AbortSignal.any([stop, abort.signal]),
    meter,
    pathOf: (address) => context.places()?.find(({ addresses }) => addresses.includes(address))?.path,
    libc: context.libc,
    run: context.run,
  };
  const result = await bounded(() => probe.run(run), settings.timeoutSeconds, abort);
  await settle(context, planned);
  if (exhausted && !result.ok) {
    return { result: failed('budget_exhausted', 'it was ended when the budget was used up'), moved: meter.moved };
  }
  return { result, moved: meter.moved };
}

async function placed(
  { places, resolver }: LegContext,
  settings: BulkSettings,
  { path, uses }: PlannedLeg,
): Promise<Pick<LegRun, 'address' | 'localAddress' | 'interfaceName'> | Extract<ProbeResult<never>, { ok: false }>> {
  const { host } = settings.target;
  const known = places() ?? [];
  if (path !== MPTCP_PATH) {
    const place = known.find((one) => one.path === path) ?? { path, addresses: [], metered: false };
    const pair = await addressPair(resolver, host, place);
    return 'ok' in pair || place.interfaceName === undefined ? pair : { ...pair, interfaceName: place.interfaceName };
  }
  const targets = await resolver.addresses(host);
  // Of the family that most of the paths have, so that as many as can be take part.
  const carriers = known.filter((place) => uses.includes(place.path));
  const fitting = (address: string) =>
    carriers.filter(({ addresses }) => addresses.some((local) => isIP(local) === isIP(address))).length;
  const [address] = targets.toSorted((a, b) => fitting(b) - fitting(a));
  return address === undefined ? failed('unresolvable', `no address is known of ${host}`) : { address };
}

/** Bytes that the leg may move: its fair share of what the budgets leave for all that the round still has. */
async function grant(
  { budget, account }: LegContext,
  settings: BulkSettings,
  probe: BulkProbe,
  planned: PlannedLeg,
  rest: readonly PlannedLeg[],
): Promise<number | Extract<ProbeResult<never>, { ok: false }>> {
  const { leg, uses } = planned;
  const least = Math.ceil(probe.cost(settings, leg).leastBytes);
  const most = (one: PlannedLeg) => Math.ceil(probe.cost(settings, one.leg).mostBytes);
  await budget?.start();
  let granted = most(planned);
  for (const path of uses) {
    const left = budget?.remainingForBulk(path) ?? Number.POSITIVE_INFINITY;
    const share = Math.floor(fairShare(left, rest.filter((other) => other.uses.includes(path)).map(most)));
    if (share < least) {
      // Its words are better where nothing may be moved at all.
      const words = `the budget of path ${path} leaves ${share} bytes for this, and it takes ${least}`;
      return (await account.reserve(path, least)) ?? failed('budget_exhausted', words);
    }
    granted = Math.min(granted, share);
  }
  for (const path of uses) {
    const refusal = await account.reserve(path, granted);
    if (refusal !== undefined) return refusal;
  }
  return granted;
}

async function settle({ budget }: LegContext, { uses }: PlannedLeg): Promise<void> {
  for (const path of uses) await budget?.settle(path);
}

/** The result, within the timeout and a little more; never rejects. */
async function bounded<Value>(
  work: () => Promise<ProbeResult<Value>>,
  timeoutSeconds: number,
  abort: AbortController,
): Promise<ProbeResult<Value>> {
  let timer: NodeJS.Timeout | undefined;
  let abandon: NodeJS.Timeout | undefined;
  let isLate = false;
  const timedOut = failed('timeout', `it was not done within ${timeoutSeconds} s`);
  const late = new Promise<ProbeResult<Value>>((resolve) => {
    timer = setTimeout(() => {
      isLate = true;
      abort.abort();
      abandon = setTimeout(() => resolve(timedOut), ABANDON_MS);
    }, timeoutSeconds * 1000);
  });
  const running = work().catch(failureOf);
  const result = await Promise.race([running, late]);
  clearTimeout(timer);
  clearTimeout(abandon);
  return isLate && !result.ok ? timedOut : result;
}
