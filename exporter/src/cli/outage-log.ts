import { type Failure, PARTS, type Part, type Snapshot } from '../mptcp/model.ts';

/** What the outage log writes to. */
interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** Logs a part of the reading when it begins to fail, fails differently or works again; not at every look. */
export function outageLog(log: Log): (snapshot: Snapshot) => void {
  const failing = new Map<Part, Failure>();
  return (snapshot) => {
    for (const part of PARTS) {
      const failure = snapshot[part]?.failure;
      const before = failing.get(part);
      if (failure !== undefined && failure.code !== before?.code) {
        failing.set(part, failure);
        log.warn({ part, code: failure.code }, failure.message);
      } else if (failure === undefined && before !== undefined) {
        failing.delete(part);
        log.info({ part }, `${part} can be read again`);
      }
    }
  };
}
