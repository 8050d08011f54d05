import { median, RecentNormal } from './recent-normal.ts';
import type { HealthSettings } from './settings.ts';

/** Peers of one path whose normal is kept: their distances differ, so that only the same peer compares. */
const PEER_LIMIT = 8;

/** Readings taken of one path at one look. */
const SAMPLE_LIMIT = 64;

/** A peer not heard of for this long is forgotten. */
const FORGET_SECONDS = 600;

interface Peer {
  readonly normal: RecentNormal;
  sum: number;
  count: number;
  lastAt: number;
}

/** The round-trip times of one path, each peer's against its own recent normal. */
export class RttWatch {
  readonly #settings: HealthSettings;
  readonly #peers = new Map<string, Peer>();
  #samples = 0;

  constructor(settings: HealthSettings) {
    this.#settings = settings;
  }

  /** Whether another reading is wanted at this look. */
  get wants(): boolean {
    return this.#samples < SAMPLE_LIMIT;
  }

  /** Takes the smoothed RTT of a subflow that was acknowledged since the last look. */
  add(peer: string, rttSeconds: number): void {
    this.#samples++;
    let found = this.#peers.get(peer);
    if (found === undefined) {
      if (this.#peers.size >= PEER_LIMIT) return;
      const { highRttFactor, highRttMarginSeconds } = this.#settings;
      const normal = new RecentNormal((usual) =>
        usual === undefined ? Number.POSITIVE_INFINITY : Math.max(usual * highRttFactor, usual + highRttMarginSeconds),
      );
      found = { normal, sum: 0, count: 0, lastAt: Number.POSITIVE_INFINITY };
      this.#peers.set(peer, found);
    }
    found.sum += rttSeconds;
    found.count++;
  }

  /** Ends the look: the RTT as a multiple of what would be high, the median over the peers; `undefined` without a reading. */
  pressure(now: number): number | undefined {
    const pressures: number[] = [];
    for (const [name, peer] of this.#peers) {
      if (peer.count > 0) {
        pressures.push(peer.normal.pressure(peer.sum / peer.count, now));
        peer.sum = 0;
        peer.count = 0;
        peer.lastAt = now;
      } else if (now - peer.lastAt > FORGET_SECONDS) this.#peers.delete(name);
    }
    this.#samples = 0;
    return pressures.length === 0 ? undefined : median(pressures);
  }
}
