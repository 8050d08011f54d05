import type { Lab } from '../lab.ts';
import { clockStep } from './clock.ts';
import { endpointDeleted, limitsReached } from './endpoints.ts';
import type { AppliedFault } from './fault.ts';
import {
  addressChanged,
  cablePulled,
  carrierLost,
  farEndUnplugged,
  interfaceRemoved,
  interfaceRenamed,
} from './interface.ts';
import { capableDropped, joinsDropped, optionsStripped } from './middlebox.ts';
import { multicastOverrun } from './overrun.ts';
import { exporterRestart, serverRestart } from './programs.ts';
import { subflowReset } from './reset.ts';
import { blackhole, delay, loss, rateCut } from './shaping.ts';

/** A fault as it is listed. */
export interface Fault {
  /** What happens, in one sentence. */
  readonly what: string;
  /** Whether it needs to be told a link. */
  readonly on: 'link' | 'lab';
  /** With the fault's own defaults; throws when `on` is `link` and there is no such link. */
  readonly apply: (lab: Lab, link?: string) => Promise<AppliedFault>;
}

const onLink = (what: string, apply: (lab: Lab, link: string) => Promise<AppliedFault>): Fault => ({
  what,
  on: 'link',
  apply: async (lab, link) => {
    if (link === undefined) throw new Error(`which link? ${lab.links.map(({ plan }) => plan.name).join(' or ')}`);
    return apply(lab, lab.link(link).plan.name);
  },
});

const onLab = (what: string, apply: (lab: Lab) => Promise<AppliedFault>): Fault => ({
  what,
  on: 'lab',
  apply: (lab) => apply(lab),
});

/** Every fault by its name, which is also the name in its {@link AppliedFault}. One at a time per link, save those of shape, which add up. */
export const FAULTS = {
  'carrier-lost': onLink("The client's interface goes down.", carrierLost),
  'cable-pulled': onLink("The client's interface stays up without carrier.", cablePulled),
  'far-end-unplugged': onLink(
    "The server's interface goes down; behind a switch the client keeps its carrier.",
    farEndUnplugged,
  ),
  blackhole: onLink('Every packet vanishes in both directions, without a word to either end.', (lab, link) =>
    blackhole(lab, link),
  ),
  'blackhole-up': onLink('Every packet to the server vanishes.', (lab, link) => blackhole(lab, link, 'up')),
  'blackhole-down': onLink('Every packet to the client vanishes.', (lab, link) => blackhole(lab, link, 'down')),
  loss: onLink('30 % of the packets are lost in each direction.', (lab, link) => loss(lab, link)),
  delay: onLink('The round trip takes 500 ms longer.', (lab, link) => delay(lab, link)),
  'rate-cut': onLink('The rate falls to a tenth.', (lab, link) => rateCut(lab, link)),
  'subflow-reset': onLink('One subflow is reset; the kernel does not make it again.', (lab, link) =>
    subflowReset(lab, link),
  ),
  'endpoint-deleted': onLink("The client's endpoints are deleted.", endpointDeleted),
  'address-changed': onLink('The client gets another IPv4 address, as by DHCP.', (lab, link) =>
    addressChanged(lab, link),
  ),
  'interface-renamed': onLink("The client's interface gets another name.", interfaceRenamed),
  'interface-removed': onLink(
    "The client's interface is pulled out, and comes back with another index.",
    interfaceRemoved,
  ),
  'options-stripped': onLink('A middlebox removes the MPTCP options from SYNs.', optionsStripped),
  'joins-dropped': onLink('A middlebox drops the SYNs of joins.', joinsDropped),
  'capable-dropped': onLink('A middlebox drops the SYNs of MPTCP connections.', capableDropped),
  'limits-reached': onLab('No connection gets additional subflows any more.', (lab) => limitsReached(lab)),
  'server-restart': onLab('What listens at the server is killed, and started again at the end.', serverRestart),
  'exporter-restart': onLab("The client's exporters are killed, and started again at the end.", (lab) =>
    exporterRestart(lab),
  ),
  'multicast-overrun': onLab("More happens at once than the client's exporters can read of it.", (lab) =>
    multicastOverrun(lab),
  ),
  'clock-step': onLab("The wall clock of programs started with the lab's clock jumps an hour ahead.", (lab) =>
    clockStep(lab),
  ),
} as const satisfies Readonly<Record<string, Fault>>;

/** The name of a fault. */
export type FaultName = keyof typeof FAULTS;

/** Applies a fault by its name; throws for an unknown one, naming those there are. */
export async function applyFault(lab: Lab, name: string, link?: string): Promise<AppliedFault> {
  const found = Object.entries<Fault>(FAULTS).find(([known]) => known === name)?.[1];
  if (found === undefined) throw new Error(`there is no fault "${name}", only ${Object.keys(FAULTS).join(', ')}`);
  return found.apply(lab, link);
}
