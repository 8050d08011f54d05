import { isBulk, type ProbeSettings } from '../config/probes/settings.ts';
import type { SocketAddress } from '../mptcp/model.ts';
import type { TargetResolver } from './resolver.ts';

/**
 * Says whether an MPTCP connection to this peer is one of our probes': what these come to tells of measurements, not of how
 * the user's own connections are. Data connections of FTP, whose ports nobody knows before, are not told.
 */
export function ownPeers(
  probes: readonly ProbeSettings[],
  resolver: Pick<TargetResolver, 'known'>,
): (peer: SocketAddress) => boolean {
  const targets = probes.filter((settings) => isBulk(settings) && settings.mptcp).map(({ target }) => target);
  const ports = new Set(targets.map(({ port }) => port));
  return ({ address, port }) => {
    // Asked for each connection at each look: the port alone tells nearly all of them apart.
    if (!ports.has(port)) return false;
    return targets.some((target) => target.port === port && resolver.known(target.host).includes(address));
  };
}
