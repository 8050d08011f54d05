import { PeerSockets } from '../linux/netlink/peer-sockets.ts';
import type { Arrived } from './goodput.ts';
import type { LegRun } from './probe.ts';

/** How often is looked, in milliseconds. */
const LOOK_MS = 100;

/** Share of headers in what a tool moves: 52 and perhaps 28 bytes a packet of 1448, and an acknowledgement each other one. */
const HEADERS = 1.06;

/** Of a leg's data in one direction, as looks have found it. */
interface Totals {
  sent: number;
  received: number;
}

/**
 * Follows a tool's sockets from outside, by their peer, and tells the meter what they move, by path. Sockets that were there
 * before it began are somebody else's.
 */
export class ToolMeter {
  readonly #run: LegRun;
  readonly #sockets: PeerSockets;
  readonly #foreign: ReadonlySet<number | undefined>;
  readonly #seen = new Map<number, Totals & { acknowledged: number; payload: number }>();
  readonly #told: Totals = { sent: 0, received: 0 };
  /** Payload acknowledged (up) or received (down) by the time of looks; bounded by the run's timeout. */
  readonly #arrived: { readonly at: number; readonly bytes: number }[] = [];
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | undefined;
  #fellBack = false;

  private constructor(run: LegRun, sockets: PeerSockets, foreign: ReadonlySet<number | undefined>) {
    [this.#run, this.#sockets, this.#foreign] = [run, sockets, foreign];
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** To be begun before the tool. `port` of its peer; undefined: any. Throws an ExporterError where sockets cannot be listed. */
  static async start(run: LegRun, port: number | undefined): Promise<ToolMeter> {
    const sockets = new PeerSockets(await run.libc(), { address: run.address, port });
    const others = [...(await sockets.read()), ...(await sockets.connections().catch(() => []))];
    const foreign = new Set(others.map(({ cookie }) => cookie));
    return new ToolMeter(run, sockets, foreign);
  }

  /** Whether it was to be MPTCP and a connection of it has fallen back to plain TCP. */
  get fellBack(): boolean {
    return this.#fellBack;
  }

  /** What had arrived when, since the first byte was seen to. */
  get arrived(): readonly Arrived[] {
    const first = this.#arrived.findLast(({ bytes }) => bytes === 0) ?? this.#arrived[0];
    if (first === undefined) return [];
    return this.#arrived
      .filter(({ at }) => at >= first.at)
      .map(({ at, bytes }) => ({ seconds: at - first.at, bytes: bytes - first.bytes }));
  }

  /**
   * Looks for the last time. The tool says what payload it has moved: what no look has seen of it, because the sockets were gone
   * too soon, is told to the meter then, without a path.
   */
  async end(payload: { readonly sent: number; readonly received: number } = { sent: 0, received: 0 }): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#lookOnce();
    this.#sockets.close();
    const { meter } = this.#run;
    const [sent, received] = [
      payload.sent * HEADERS - this.#told.sent,
      payload.received * HEADERS - this.#told.received,
    ];
    if (sent > 0) meter.sent(Math.round(sent));
    if (received > 0) meter.received(Math.round(received));
  }

  #look(): void {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
  }

  async #lookOnce(): Promise<void> {
    const { meter, pathOf, interfaceName, leg } = this.#run;
    const rows = await this.#sockets.read().catch(() => []); // the next look, or the tool's own word, makes up for it
    const at = performance.now() / 1000;
    if (interfaceName === undefined) {
      const connections = await this.#sockets.connections().catch(() => []);
      this.#fellBack ||= connections.some(({ cookie, fallback }) => fallback && !this.#foreign.has(cookie));
    }
    for (const row of rows) {
      if (this.#foreign.has(row.cookie)) continue;
      const before = this.#seen.get(row.cookie) ?? { sent: 0, received: 0 };
      const path = interfaceName === undefined ? pathOf(row.localAddress) : undefined;
      const [sent, received] = [row.sentBytes - before.sent, row.receivedBytes - before.received];
      if (sent > 0) meter.sent(sent, path);
      if (received > 0) meter.received(received, path);
      this.#told.sent += Math.max(0, sent);
      this.#told.received += Math.max(0, received);
      this.#seen.set(row.cookie, {
        sent: Math.max(row.sentBytes, before.sent),
        received: Math.max(row.receivedBytes, before.received),
        acknowledged: row.acknowledgedPayloadBytes,
        payload: row.receivedPayloadBytes,
      });
    }
    const key = leg.direction === 'up' ? 'acknowledged' : 'payload';
    this.#arrived.push({ at, bytes: [...this.#seen.values()].reduce((sum, seen) => sum + seen[key], 0) });
  }
}
