import { type Failure, PARTS, type Part, type Snapshot } from './model.ts';

/** What a problem is about: a part of the reading, of the sockets their MPTCP half, or MPTCP itself. */
export type Topic = Part | 'connections' | 'mptcp';

/** What is wrong in a look, at most one problem a topic: a stable code, and one line that names the remedy. */
export function problems(snapshot: Snapshot): ReadonlyMap<Topic, Failure> {
  const found = new Map<Topic, Failure>();
  for (const part of PARTS) {
    const failure = snapshot[part]?.failure;
    if (failure !== undefined) found.set(part, failure);
  }
  const { connectionsFailure } = snapshot.sockets.value ?? {};
  if (connectionsFailure !== undefined) found.set('connections', connectionsFailure);
  if (snapshot.sysctl?.value?.enabled === false) {
    const name = snapshot.kernel === 'out-of-tree' ? 'mptcp_enabled' : 'enabled';
    const message = `new connections do not use MPTCP. Switch it on with sysctl -w net.mptcp.${name}=1`;
    found.set('mptcp', { code: 'switched_off', message });
  }
  return found;
}
