import type { Reading } from '../../exporter/src/mptcp/model.ts';
import { Flow } from '../mptcp/health/timeline.ts';
import { connection, INITIAL, JOINED, reading } from './scene.ts';

/** A connection of this end over eth0 and wlan0 that goes on by the clock of `performance.now()`, to be read. */
export class TwoFlows {
  readonly eth: Flow;
  readonly wlan: Flow;

  constructor() {
    const now = performance.now() / 1000;
    this.eth = new Flow(1, 1, '10.77.1.1', INITIAL, now);
    this.wlan = new Flow(1, 2, '10.77.2.1', JOINED, now);
  }

  /** Both subflows send, or receive, as fast as they can. */
  move(direction: 'up' | 'down'): void {
    for (const flow of [this.eth, this.wlan]) {
      flow.sending = direction === 'up';
      flow.receiving = direction === 'down';
    }
  }

  /** What a source reads of it now. */
  read(overrides: Partial<Reading> = {}): Reading {
    const now = performance.now() / 1000;
    const flows = [this.eth, this.wlan].filter(({ gone }) => !gone);
    for (const flow of flows) flow.pass(now);
    return reading(
      { connections: [connection(1, { remoteKeyReceived: true })], subflows: flows.map((flow) => flow.record()) },
      { monotonicSeconds: now, ...overrides },
    );
  }
}
