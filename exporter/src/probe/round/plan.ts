import { type BulkSettings, MPTCP_PATH } from '../../config/probes/settings.ts';
import type { BulkProbe, Leg, PathPlace } from '../probe.ts';

/** Larger files are left out where a path is metered, whatever its budget: they cost more than they tell. */
export const LARGEST_METERED_BYTES = 1_000_000;

/** One measurement of a round. */
export interface PlannedLeg {
  readonly leg: Leg;
  /** The path it is of; `mptcp` for all of them. */
  readonly path: string;
  /** Paths whose bytes it costs. */
  readonly uses: readonly string[];
}

/** What is known of the paths when a round begins. */
export interface Situation {
  readonly places: readonly PathPlace[];
  /** Paths that MPTCP uses only when the others fail. */
  readonly backups: ReadonlySet<string>;
  /** Whether a path has a budget of its own. */
  readonly hasOwnBudget: (path: string) => boolean;
}

/**
 * The measurements of a round in their order: of each direction and size every path alone, then MPTCP, so that what is
 * compared is measured close in time. A metered path has a part only with a budget of its own; MPTCP has none while it would
 * use a metered path without.
 */
export function planRound(settings: BulkSettings, probe: BulkProbe, situation: Situation): readonly PlannedLeg[] {
  const { places, backups, hasOwnBudget } = situation;
  const isOff = ({ path, metered }: PathPlace) => metered && !hasOwnBudget(path);
  const named = settings.paths?.map(
    (path) => places.find((place) => place.path === path) ?? { path, addresses: [], metered: false },
  );
  const members = (named ?? places).filter((place) => !isOff(place));
  // Whatever the entry names: MPTCP uses what the system has.
  const carriers = places.filter(({ path, interfaceName }) => interfaceName !== undefined && !backups.has(path));
  const withMptcp = settings.mptcp && members.length > 0 && carriers.length > 0 && !carriers.some(isOff);
  const isTooLarge = ({ sizeBytes = 0 }: Leg, used: readonly PathPlace[]) =>
    sizeBytes > LARGEST_METERED_BYTES && used.some(({ metered }) => metered);

  return probe.legs(settings).flatMap((leg): PlannedLeg[] => {
    const alone = members
      .filter((member) => !isTooLarge(leg, [member]))
      .map(({ path }) => ({ leg, path, uses: [path] }));
    const together = withMptcp && !isTooLarge(leg, carriers);
    return together ? [...alone, { leg, path: MPTCP_PATH, uses: carriers.map(({ path }) => path) }] : alone;
  });
}
