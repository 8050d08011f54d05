import { expect } from 'vitest';
import { ETH, type Flow, Timeline, WLAN } from './timeline.ts';

/** The endpoint of wlan0. */
export const ENDPOINT = { id: 1, address: WLAN, interfaceName: 'wlan0', flags: ['subflow'] };

/** A client with a transfer over eth0 and wlan0 that has run long enough to know what is normal. */
export function transfer(
  direction: 'up' | 'down',
  timeline = new Timeline(),
): { timeline: Timeline; eth: Flow; wlan: Flow } {
  timeline.endpoints = { endpoints: [ENDPOINT], limits: { subflows: 2, addAddrAccepted: 0 } };
  timeline.run(2);
  const [eth, wlan] = timeline.connect(1, [ETH, WLAN]);
  if (eth === undefined || wlan === undefined) throw new Error('no flows');
  for (const flow of [eth, wlan]) flow[direction === 'up' ? 'sending' : 'receiving'] = true;
  timeline.run(12);
  return { timeline, eth, wlan };
}

/** What every fault on wlan0 must leave alone. */
export function expectHealthy(timeline: Timeline, path: string, since: number): void {
  expect(timeline.states(path, since)).toEqual(['up']);
}
