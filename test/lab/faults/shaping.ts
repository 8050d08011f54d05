import type { Host } from '../host.ts';
import type { Lab } from '../lab.ts';
import type { LinkPlan } from '../links.ts';
import type { Impairment } from '../shape.ts';
import { type AppliedFault, applied } from './fault.ts';

/**
 * Packets of one direction (`up` is client to server) or of both vanish on the wire, with no word to either end: the
 * neighbours stay known, so that no end hears from its own kernel that the other is unreachable. Throws on a bare veth pair.
 */
export async function blackhole(
  lab: Lab,
  link: string,
  direction: Impairment['direction'] = 'both',
): Promise<AppliedFault> {
  const { plan } = lab.link(link);
  const name = direction === 'both' ? 'blackhole' : `blackhole-${direction}`;
  const undo = await lab.link(link).impair({ direction, lossPercent: 100 });
  await setNeighbours(lab, plan, 'permanent');
  return applied(lab, {
    name,
    link,
    undo: async () => {
      await undo();
      await setNeighbours(lab, plan, 'stale');
    },
  });
}

/** Each packet is lost with this probability, in both directions. Throws on a bare veth pair. */
export const loss = (lab: Lab, link: string, lossPercent = 30): Promise<AppliedFault> =>
  impaired(lab, 'loss', link, { direction: 'both', lossPercent });

/** Each packet takes longer in both directions; `addedMs` is what a round trip gains. Throws on a bare veth pair. */
export const delay = (lab: Lab, link: string, addedMs = 500): Promise<AppliedFault> =>
  impaired(lab, 'delay', link, { direction: 'both', addedDelayMs: addedMs / 2 });

/** The rate falls to this part of itself in both directions. Throws when the link's rate is not limited. */
export const rateCut = (lab: Lab, link: string, factor = 0.1): Promise<AppliedFault> =>
  impaired(lab, 'rate-cut', link, { direction: 'both', rateFactor: factor });

async function impaired(lab: Lab, name: string, link: string, impairment: Impairment): Promise<AppliedFault> {
  return applied(lab, { name, link, undo: await lab.link(link).impair(impairment) });
}

/** Tells both ends the other's hardware address: for good, or to be confirmed at the next use (ip-neighbour(8)). */
async function setNeighbours(lab: Lab, plan: LinkPlan, state: 'permanent' | 'stale'): Promise<void> {
  const tell = async (host: Host, other: Host) => {
    const address = await other.hardwareAddress(plan.name);
    const { ipv4, ipv6 } = plan[other.role];
    await host.batch(
      'ip',
      [ipv4, ipv6].flatMap((ip) =>
        ip === undefined ? [] : [`neighbour replace ${ip} lladdr ${address} nud ${state} dev ${plan.name}`],
      ),
    );
  };
  await Promise.all([tell(lab.client, lab.server), tell(lab.server, lab.client)]);
}
