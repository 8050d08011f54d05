import type { Failure, Snapshot } from '../mptcp/model.ts';
import { problems, type Topic } from '../mptcp/problems.ts';

/** What the outage log writes to. */
interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** The part that tells whether the problem is over. */
const JUDGED_BY: Partial<Readonly<Record<Topic, Topic>>> = { connections: 'sockets', mptcp: 'sysctl' };

/** Logs a problem of a look when it begins, changes or ends; not at every look. */
export function outageLog(log: Log): (snapshot: Snapshot) => void {
  const standing = new Map<Topic, Failure>();
  return (snapshot) => {
    const found = problems(snapshot);
    for (const [part, problem] of found) {
      if (problem.code !== standing.get(part)?.code) log.warn({ part, code: problem.code }, problem.message);
      standing.set(part, problem);
    }
    for (const part of [...standing.keys()]) {
      if (found.has(part) || found.has(JUDGED_BY[part] ?? part)) continue;
      standing.delete(part);
      log.info({ part }, part === 'mptcp' ? 'MPTCP is switched on' : `${part} can be read again`);
    }
  };
}
