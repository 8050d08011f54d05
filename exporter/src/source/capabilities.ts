import type { Capability, NetworkInterface, Outcome, PathManager, Reading, SocketRecords } from '../mptcp/model.ts';

/** The parts of a reading that capabilities are judged from. */
export type Evidence = Pick<Reading, 'sockets' | 'interfaces' | 'endpoints' | 'mib'>;

/** Failures that say this kernel, or these privileges, will not do better next time. */
const LASTING: ReadonlySet<string> = new Set(['not_supported', 'permission_denied']);

/**
 * Adds to `known` what one reading shows of this kernel and these privileges. A capability is judged only by what could
 * have it: without an established connection nothing is said about connections.
 */
export function judgeCapabilities(known: Map<Capability, boolean>, evidence: Evidence): void {
  const judge = (capability: Capability, can: boolean | undefined): void => {
    if (can !== undefined) known.set(capability, can);
  };
  if (evidence.sockets.value) judgeSockets(judge, evidence.sockets.value);
  if (evidence.interfaces.value) judge('interface_carrier', carrier(evidence.interfaces.value));
  if (evidence.endpoints) {
    judge('endpoints', readable(evidence.endpoints));
    judge('limits', limits(evidence.endpoints));
  }
  if (evidence.mib) judge('mib', readable(evidence.mib));
}

type Judge = (capability: Capability, can: boolean | undefined) => void;

function judgeSockets(judge: Judge, { connections, subflows }: SocketRecords): void {
  const established = connections.filter(({ state, additionalSubflows }) => {
    return state === 'established' && additionalSubflows !== undefined;
  });
  judge(
    'connection_bytes',
    anyOf(established, ({ sentBytes }) => sentBytes !== undefined),
  );
  judge(
    'connection_ages',
    anyOf(established, ({ lastDataSentSeconds }) => lastDataSentSeconds !== undefined),
  );
  const flowing = subflows.filter(({ state }) => state === 'established');
  judge(
    'subflow_bytes',
    anyOf(flowing, ({ tcp }) => tcp.sentBytes !== undefined),
  );
  judge(
    'subflow_rtt', // a fresh subflow has no sample yet, but its timeout comes from the same place
    anyOf(flowing, ({ tcp }) => (tcp.rttSeconds ?? tcp.retransmissionTimeoutSeconds) !== undefined),
  );
  judge(
    'subflow_ages',
    anyOf(flowing, ({ tcp }) => tcp.lastAcknowledgementSeconds !== undefined),
  );
  judge(
    'subflow_token',
    anyOf(flowing, ({ token }) => token !== undefined),
  );
  judge(
    'subflow_ids',
    anyOf(flowing, ({ localId }) => localId !== undefined),
  );
}

/** Whether one of them can; undefined when there is none to judge by. */
function anyOf<T>(rows: readonly T[], can: (row: T) => boolean): boolean | undefined {
  return rows.length === 0 ? undefined : rows.some(can);
}

function carrier(interfaces: readonly NetworkInterface[]): boolean | undefined {
  return anyOf(interfaces, (one) => one.carrier !== undefined);
}

function limits(endpoints: Outcome<PathManager>): boolean | undefined {
  return endpoints.value ? endpoints.value.limits !== undefined : readable(endpoints);
}

/** True when it could be read, false when it never will, undefined after a failure that may pass. */
function readable({ failure }: Outcome<unknown>): boolean | undefined {
  if (failure === undefined) return true;
  return LASTING.has(failure.code) ? false : undefined;
}
