import type { SourceEvent } from '../../mptcp/model.ts';
import { Channel, type ChannelOptions } from './channel.ts';

/**
 * Longest stretch of work before timers and requests get their turn. What wakes us is a libuv poll handle on each
 * descriptor, which koffi has to offer (measured: told within 1 ms, idle 0.05 % of a core; a timer that reads three
 * descriptors every 25 ms took 1.4 %). Node's own sockets refuse netlink, and fs.read would hold a pool thread each.
 */
const SLICE_MILLISECONDS = 5;

/**
 * Listens to several channels as one: of what one batch tells, the first channel's events come first, and none of the
 * later ones' before everything that the earlier ones had to tell until then.
 */
export class Subscription {
  readonly #channels: readonly Channel[];
  readonly #listener: (events: readonly SourceEvent[]) => void;
  #scheduled = false;
  #closed = false;

  /** `channels` in the order of telling. */
  constructor(channels: readonly ChannelOptions[], listener: (events: readonly SourceEvent[]) => void) {
    this.#channels = channels.map((options) => new Channel(options));
    this.#listener = listener;
  }

  /** Opens what can be opened, and gives what was thrown for the rest. */
  async open(): Promise<readonly unknown[]> {
    const opened = await Promise.allSettled(this.#channels.map((channel) => channel.listen(() => this.#drain())));
    return opened.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  }

  /** Every channel is listening. */
  get complete(): boolean {
    return this.#channels.every(({ open }) => open);
  }

  /** Gives back the descriptors; nothing is told any more. */
  close(): void {
    this.#closed = true;
    for (const channel of this.#channels) channel.close();
  }

  #drain(): void {
    if (this.#closed) return;
    const deadline = performance.now() + SLICE_MILLISECONDS;
    // The last to be told is read first: what the others had to tell by then is read after it.
    for (const channel of this.#channels.toReversed()) channel.read(deadline);
    const batch: SourceEvent[] = [];
    let caughtUp = true;
    for (const channel of this.#channels) {
      if (caughtUp) batch.push(...channel.take());
      caughtUp &&= channel.drained;
    }
    if (batch.length > 0) this.#listener(batch);
    if (caughtUp) for (const channel of this.#channels) channel.arm();
    else this.#drainLater();
  }

  #drainLater(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#drain();
    });
  }
}
