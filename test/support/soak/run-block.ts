import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../../lab/lab.ts';
import type { Traffic } from '../../lab/traffic/traffic.ts';
import type { RunningExporter } from '../exporter.ts';
import { scrapeIn } from '../exposition.ts';
import type { Block, Episode, PlannedFault } from './plan.ts';
import type { Load } from './record.ts';
import type { RecordedFault, Recorder } from './recorder.ts';

/** Before the first fault of a block. */
const SETTLING_SECONDS = 6;
/** A path that has not moved data again by then is broken anew all the same, and then nothing is asked of it. */
const MOVING_WITHIN_SECONDS = 15;
/** At most one check a path in this time (`health.check_interval`). */
const CHECK_INTERVAL_SECONDS = 5;
const SHORT = { connections: 40, atATime: 2, bytes: { least: 16_000, most: 300_000, seed: 1 } };
/** What goes through a fault may take long. */
const TIMEOUT_MS = 90_000;
const IDLE_CONNECTIONS = 2;
const SLOW_MBIT = 0.3;

/** Opens the block's connections, applies its faults with healthy gaps, and closes the connections as it says. */
export async function runBlock(lab: Lab, exporter: RunningExporter, recorder: Recorder, block: Block): Promise<void> {
  const name = (link: number) => lab.links[link]?.plan.name ?? '';
  const { load, family, closer, connections } = block;
  const open: Traffic[] = [];
  const shorts = new ShortConnections();
  let trafficEnds: (() => void) | undefined;
  try {
    // The server is known by one address: a round trip is compared with what is usual to the same peer.
    const healthy = name(block.healthy);
    const common = { family, closer, timeoutMs: TIMEOUT_MS, link: healthy };
    open.push(
      await lab.startTraffic({ ...common, from: healthy, bytes: 1, hold: true, connections: IDLE_CONNECTIONS }),
    );
    if (load !== 'idle') {
      const direction = load === 'upload' ? 'up' : load === 'download' ? 'down' : 'both';
      const pace = load === 'slow' ? { rateMbit: SLOW_MBIT } : {};
      const long = { ...common, from: name(block.from), ...pace, direction, connections } as const;
      open.push(await lab.startTraffic({ ...long, bytes: 'unlimited' }));
    }
    trafficEnds = recorder.trafficOpened();
    if (load !== 'idle') shorts.start(() => lab.transfer({ ...common, from: healthy, ...SHORT }));
    await sleep(1000 * SETTLING_SECONDS);
    for (const episode of block.episodes) await runEpisode(lab, exporter, recorder, { episode, load, name });
  } finally {
    shorts.stop();
    trafficEnds?.();
    await Promise.all(open.map((traffic, index) => end(traffic, index === 0 ? 'finish' : block.ending)));
    await shorts.ended;
  }
}

/** What a block ends with need not succeed: its bytes may be on their way through a fault. */
async function end(traffic: Traffic, how: Block['ending']): Promise<void> {
  try {
    await (how === 'finish' ? traffic.finish() : traffic.abort(how));
  } catch {
    await traffic.abort('kill').catch(() => undefined); // both programs have ended then
  }
}

/** What an episode runs in. */
interface Stage {
  readonly episode: Episode;
  readonly load: Load;
  readonly name: (link: number) => string;
}

async function runEpisode(lab: Lab, exporter: RunningExporter, recorder: Recorder, stage: Stage): Promise<void> {
  const { episode, load, name } = stage;
  const { fault, second, gapSeconds } = episode;
  const standing: RecordedFault[] = [];
  const apply = async ({ name: faultName, link }: PlannedFault) => {
    const path = name(link);
    const circumstances = await circumstancesOf(lab, exporter, path, load);
    for (const other of standing) other.notAlone();
    const applied = await recorder.apply(faultName, path, circumstances);
    if (standing.length > 0) applied.notAlone();
    standing.push(applied);
  };
  try {
    await apply(fault);
    if (second === undefined) await sleep(1000 * fault.holdSeconds);
    else {
      await sleep(1000 * second.afterSeconds);
      await apply(second);
      await sleep(1000 * Math.max(1, fault.holdSeconds - second.afterSeconds));
      await standing.shift()?.end();
      await sleep(1000 * second.holdSeconds);
    }
  } finally {
    for (const one of standing) await one.end();
  }
  await sleep(1000 * gapSeconds);
}

/** Waits until data moves on the path, as far as the load wants that, and learns whether it has just been checked. */
async function circumstancesOf(lab: Lab, exporter: RunningExporter, path: string, load: Load) {
  const scrape = () => scrapeIn(lab.client, exporter.url);
  const checks = (look: Awaited<ReturnType<typeof scrape>>) =>
    look
      .samples('mptcp_path_checks_total')
      .filter(({ labels }) => labels.path === path)
      .reduce((sum, { value }) => sum + value, 0);
  const deadline = performance.now() + 1000 * MOVING_WITHIN_SECONDS;
  let moving = 0;
  const seen: { readonly at: number; readonly checks: number }[] = [];
  for (;;) {
    const look = await scrape();
    seen.push({ at: performance.now(), checks: checks(look) });
    moving = look.value('mptcp_path_subflows', { path, state: 'active' }) > 0 ? moving + 1 : 0;
    if (load === 'idle' || load === 'slow' || moving > 1 || performance.now() > deadline) break;
    await sleep(700);
  }
  // Known only when it was watched for so long.
  const last = seen.at(-1);
  const old = seen.findLast(({ at }) => last !== undefined && last.at - at >= 1000 * CHECK_INTERVAL_SECONDS);
  return { load, moving: moving > 1, checkedLately: old === undefined || old.checks !== last?.checks };
}

/** Short connections, batch after batch. */
class ShortConnections {
  ended: Promise<void> = Promise.resolve();
  #stopped = false;

  /** `batch`: those that fail, in a fault, are no matter. */
  start(batch: () => Promise<unknown>): void {
    const run = async () => {
      while (!this.#stopped) await batch().catch(() => sleep(1000));
    };
    this.ended = run();
  }

  stop(): void {
    this.#stopped = true;
  }
}
