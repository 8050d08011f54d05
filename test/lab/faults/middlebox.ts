import type { Lab } from '../lab.ts';
import { type AppliedFault, applied } from './fault.ts';

/** The link's operator removes the MPTCP options from SYNs, so that connections over it fall back to TCP and joins fail. */
export const optionsStripped = (lab: Lab, link: string): Promise<AppliedFault> =>
  middlebox(lab, link, 'options-stripped', 'tcp flags syn tcp option mptcp exists counter reset tcp option mptcp');

/** A firewall on the link drops the SYNs of joins (RFC 8684, subtype 1) and lets everything else pass. */
export const joinsDropped = (lab: Lab, link: string): Promise<AppliedFault> =>
  middlebox(lab, link, 'joins-dropped', 'tcp flags syn tcp option mptcp subtype 1 counter drop');

/** A firewall on the link drops SYNs with MP_CAPABLE (subtype 0); their senders try plain TCP after some of them. */
export const capableDropped = (lab: Lab, link: string): Promise<AppliedFault> =>
  middlebox(lab, link, 'capable-dropped', 'tcp flags syn tcp option mptcp subtype 0 counter drop');

/** The nftables table of a middlebox, for what its counter has seen. */
export const middleboxTable = (lab: Lab, name: string, link: string): string =>
  `${name.replace('-', '_')}_${lab.link(link).plan.index}`;

/** A rule for what arrives over the link, at both ends. */
async function middlebox(lab: Lab, link: string, name: string, rule: string): Promise<AppliedFault> {
  const table = middleboxTable(lab, name, link);
  const hosts = [lab.client, lab.server];
  const chain = `chain arriving { type filter hook prerouting priority raw; iifname "${link}" ${rule}\n}`;
  await Promise.all(
    hosts.map((host) => host.exec('nft', ['-f', '-'], { input: `table inet ${table} {\n${chain}\n}\n` })),
  );
  return applied(lab, {
    name,
    link,
    undo: async () => {
      await Promise.all(hosts.map((host) => host.exec('nft', ['delete', 'table', 'inet', table])));
    },
  });
}
