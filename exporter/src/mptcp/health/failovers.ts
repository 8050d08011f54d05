import type { ConnectionWatch } from './connection-watch.ts';
import type { PathWatch } from './path-watch.ts';
import type { ObservedDuration } from './states.ts';
import type { Moment, SubflowWatch } from './subflow-watch.ts';

/** Connections followed at once: of thousands hit by one fault, so many tell how long it took. */
const FOLLOWED = 256;

/** Data moved within this long before its path went down: the connection is hit. */
const LATELY_SECONDS = 2;

interface Failover {
  readonly path: PathWatch;
  readonly connection: ConnectionWatch;
  readonly since: number;
}

/** Measures how long the connections hit by a fault take to move on another path. */
export class Failovers {
  #pending: Failover[] = [];

  /** Follows the connections that a path which just broke had been serving. */
  begin(path: PathWatch, watches: Iterable<SubflowWatch>, { now }: Moment): void {
    const hit = new Map<ConnectionWatch, number>();
    for (const { path: own, owner, stalledSince, silentSince, lifeAt } of watches) {
      if (own !== path || owner === undefined) continue;
      const since = stalledSince ?? silentSince ?? (lifeAt > now - LATELY_SECONDS ? now : undefined);
      if (since !== undefined) hit.set(owner, Math.min(hit.get(owner) ?? since, since));
      if (this.#pending.length + hit.size >= FOLLOWED) break;
    }
    for (const [connection, since] of hit) this.#pending.push({ path, connection, since });
  }

  /** The failovers that this look completed; connections that ended and paths that recovered first are dropped. */
  take({ look }: Moment): ObservedDuration[] {
    const done: ObservedDuration[] = [];
    this.#pending = this.#pending.filter(({ path, connection, since }) => {
      if (connection.look !== look || !path.broken) return false;
      const moved = connection.movedElsewhere(path, since);
      if (moved !== undefined) done.push({ kind: 'failover', path: path.name, seconds: moved - since });
      return moved === undefined;
    });
    return done;
  }
}
