import type { Subflow, SubflowRecord } from './model.ts';

/** What an open subflow is doing (design: subflow states; the judged ones, `stalled` and `silent`, need a history). */
export const SUBFLOW_STATES = ['active', 'idle', 'backup', 'closing'] as const;

/** One of {@link SUBFLOW_STATES}. */
export type SubflowState = (typeof SUBFLOW_STATES)[number];

/** Data moved within this many seconds makes a subflow active. */
const LATELY_SECONDS = 2;

/**
 * The state of a subflow from one look: `closing` by its TCP state, `active` when data moved lately or waits to,
 * else `backup` when either end set it aside, else `idle`.
 */
export function subflowState({ socket, backup }: Subflow): SubflowState {
  if (socket.state !== 'established' && socket.state !== 'syn_sent' && socket.state !== 'syn_received')
    return 'closing';
  if (movesData(socket)) return 'active';
  return backup === true ? 'backup' : 'idle';
}

function movesData({ tcp, sendQueueBytes }: SubflowRecord): boolean {
  // The kernel's ages start at the handshake, so they count only once bytes have moved.
  const sent = (tcp.sentBytes ?? 0) > 0 && isRecent(tcp.lastDataSentSeconds);
  const received = (tcp.receivedBytes ?? 0) > 0 && isRecent(tcp.lastDataReceivedSeconds);
  return sent || received || (tcp.unacknowledgedSegments ?? 0) > 0 || (sendQueueBytes ?? 0) > 0;
}

function isRecent(ageSeconds: number | undefined): boolean {
  return ageSeconds !== undefined && ageSeconds < LATELY_SECONDS;
}
