import { describe, expect, it } from 'vitest';
import { subflowState } from '../../exporter/src/mptcp/activity.ts';
import { JOINED, reading, snapshot, subflow } from '../support/scene.ts';

const stateOf = (overrides: Parameters<typeof subflow>[2]) => {
  const one = snapshot(reading({ subflows: [subflow(1, '10.77.1.1', overrides)] })).sockets.value?.subflows[0];
  return one && subflowState(one);
};

describe('what a subflow does', () => {
  const backup = JOINED | (1 << 5);
  it.each([
    ['active', 'sent lately', { tcp: { sentBytes: 1, lastDataSentSeconds: 0.5 } }],
    ['active', 'received lately', { tcp: { receivedBytes: 1, lastDataReceivedSeconds: 1.9 } }],
    ['active', 'data in flight', { tcp: { unacknowledgedSegments: 3 } }],
    ['active', 'data waits to be sent', { sendQueueBytes: 10, tcp: {} }],
    ['active', 'a backup that carries data', { flags: backup, tcp: { sentBytes: 1, lastDataSentSeconds: 0 } }],
    ['idle', 'a new one that has moved nothing', { tcp: { sentBytes: 0, lastDataSentSeconds: 0.1 } }],
    ['idle', 'moved data long ago', { tcp: { sentBytes: 1, lastDataSentSeconds: 2 } }],
    ['idle', 'nothing known of it', { tcp: {} }],
    ['backup', 'a backup at rest', { flags: backup, tcp: {} }],
    ['closing', 'a FIN is under way', { state: 'fin_wait_1' as const, tcp: { sentBytes: 1, lastDataSentSeconds: 0 } }],
  ] as const)('is %s: %s', (state, _why, overrides) => {
    expect(stateOf(overrides)).toBe(state);
  });
});
