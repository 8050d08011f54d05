/** What one direction of a link does to packets. */
export interface Shape {
  /** Undefined: not limited. */
  readonly rateMbit: number | undefined;
  readonly delayMs: number;
  readonly lossPercent: number;
  readonly queueMs: number;
}

/** What a fault adds to a link, whatever its shape is; several at once add up. */
export interface Impairment {
  readonly direction: 'up' | 'down' | 'both';
  readonly lossPercent?: number;
  readonly addedDelayMs?: number;
  /** The rate is multiplied with it. */
  readonly rateFactor?: number;
}

/** The shape of one direction under the impairments that concern it; throws when a rate is to be cut that is not limited. */
export function impair(shape: Shape, direction: 'up' | 'down', impairments: readonly Impairment[]): Shape {
  return impairments
    .filter((impairment) => impairment.direction === 'both' || impairment.direction === direction)
    .reduce((current, { lossPercent = 0, addedDelayMs = 0, rateFactor }) => {
      if (rateFactor !== undefined && current.rateMbit === undefined)
        throw new Error('the link has no rate that could be cut: create it with rateMbit');
      return {
        queueMs: current.queueMs,
        rateMbit: current.rateMbit === undefined ? undefined : current.rateMbit * (rateFactor ?? 1),
        delayMs: current.delayMs + addedDelayMs,
        lossPercent: 100 - ((100 - current.lossPercent) * (100 - lossPercent)) / 100,
      };
    }, shape);
}

const MIN_BURST_BYTES = 16 * 1024;
const PACKET_BYTES = 1500;
const UNLIMITED_QUEUE_PACKETS = 100_000;

/** The arguments of `tc qdisc … tbf` for the rate (tc-tbf(8)); undefined when it is not limited. */
export function tbf({ rateMbit, queueMs }: Shape): string | undefined {
  if (rateMbit === undefined) return undefined;
  // A millisecond's worth of bytes, so that a fast link does not depend on timers finer than that.
  const burst = Math.max(MIN_BURST_BYTES, Math.round((rateMbit * 1e6) / 8 / 1000));
  return `tbf rate ${Math.round(rateMbit * 1000)}kbit burst ${burst} latency ${queueMs}ms`;
}

/** The arguments of `tc qdisc … netem` for rate, delay and loss (tc-netem(8)); its queue holds what is under way and what waits. */
export function netem({ rateMbit, delayMs, lossPercent, queueMs }: Shape): string {
  const packets =
    rateMbit === undefined ? UNLIMITED_QUEUE_PACKETS : 10 + (rateMbit * 125 * (delayMs + queueMs)) / PACKET_BYTES;
  const rate = rateMbit === undefined ? '' : ` rate ${Math.round(rateMbit * 1000)}kbit`;
  return `netem limit ${Math.ceil(packets)} delay ${Math.round(delayMs * 1000)}us loss ${lossPercent}%${rate}`;
}

/** The wirefilter(1) management commands for delay and loss; the client is its left end, so LR is up. */
export function wirefilterCommands(up: Shape, down: Shape): string[] {
  return [`delay LR${up.delayMs}`, `delay RL${down.delayMs}`, `loss LR${up.lossPercent}`, `loss RL${down.lossPercent}`];
}
