import { asExporterError, type ErrorCode, ExporterError } from '../errors.ts';
import type { ChannelOptions } from '../linux/netlink/channel.ts';
import { DESTROY_GROUPS, DESTROY_MESSAGE, decodeClose } from '../linux/netlink/destroy.ts';
import { type GenericFamily, NETLINK_GENERIC } from '../linux/netlink/mptcp-pm.ts';
import { decodePathManagerEvent, eventGroup } from '../linux/netlink/pm-events.ts';
import { INTERFACE_GROUPS, isInterfaceChange, NETLINK_ROUTE } from '../linux/netlink/route.ts';
import { NETLINK_SOCK_DIAG } from '../linux/netlink/sock-diag.ts';
import { Subscription } from '../linux/netlink/subscription.ts';
import type { Receiver } from '../linux/netlink/transport.ts';
import type { Failure, Incident, Part, SourceEvent } from '../mptcp/model.ts';

/** Opens a descriptor of a netlink protocol in multicast groups. */
export type Listen = (protocol: number, groups: readonly number[], onReadable: () => void) => Receiver;

/** What the kernel's events are taken from and told to. */
export interface KernelEventsOptions {
  readonly listen: Listen;
  /** Numbers of `mptcp_pm`, looked up anew whenever its descriptor is opened. */
  readonly resolveFamily: () => Promise<GenericFamily>;
  readonly listener: (events: readonly SourceEvent[]) => void;
  readonly onIncident: (incident: Incident) => void;
}

const REMEDY = 'Run as root or with CAP_NET_ADMIN; until then closes and joins are only seen by sampling.';

const INTERFACES: SourceEvent = { kind: 'interfaces' };

/** Closes, path-manager events and interface changes, as the kernel tells them by multicast. */
export class KernelEvents {
  /** Two, so that a change of an interface never waits for thousands of closes. */
  readonly #subscriptions: readonly Subscription[];
  #opened = false;

  constructor(options: KernelEventsOptions) {
    const told = (events: readonly SourceEvent[]) => this.#tell(options, events);
    this.#subscriptions = [
      new Subscription([pathManagerEvents(options), closes(options)], told),
      new Subscription([interfaceChanges(options)], told),
    ];
  }

  /** Opens what can be had of them; gives the reason when that is not all. */
  async open(): Promise<Failure | undefined> {
    const failures = await Promise.all(this.#subscriptions.map((subscription) => subscription.open()));
    this.#opened = true;
    const [first] = failures.flat().map(asExporterError);
    return first && { code: first.code, message: first.line };
  }

  /** Whether all of them are being listened to; undefined until {@link open} has tried. */
  get complete(): boolean | undefined {
    return this.#opened ? this.#subscriptions.every(({ complete }) => complete) : undefined;
  }

  /** Gives back the descriptors; nothing is told any more. */
  close(): void {
    for (const subscription of this.#subscriptions) subscription.close();
  }

  /** A listener that throws loses its batch, as an overrun would, but not the ones to come. */
  #tell({ listener, onIncident }: KernelEventsOptions, events: readonly SourceEvent[]): void {
    try {
      listener(events);
    } catch (caught) {
      onIncident({ part: 'sockets', code: asExporterError(caught).code });
    }
  }
}

function pathManagerEvents(options: KernelEventsOptions): ChannelOptions {
  const doing = 'listen to path-manager events';
  let family: GenericFamily | undefined;
  return {
    ...common(options, 'sockets', doing),
    connect: async (onReadable) => {
      family = await options.resolveFamily();
      const groups = [eventGroup(family)];
      return join(doing, () => options.listen(NETLINK_GENERIC, groups, onReadable));
    },
    decode: (type, view, start, end) => {
      const event = type === family?.id ? decodePathManagerEvent(view, start, end) : undefined;
      return event && { kind: 'path_manager', event };
    },
  };
}

function closes(options: KernelEventsOptions): ChannelOptions {
  const doing = 'listen to closing sockets';
  return {
    ...common(options, 'sockets', doing),
    connect: (onReadable) => join(doing, () => options.listen(NETLINK_SOCK_DIAG, DESTROY_GROUPS, onReadable)),
    decode: (type, view, start, end) => {
      const close = type === DESTROY_MESSAGE ? decodeClose(view, start, end) : undefined;
      return close && { kind: 'close', close };
    },
  };
}

function interfaceChanges(options: KernelEventsOptions): ChannelOptions {
  const doing = 'listen to interface changes';
  return {
    ...common(options, 'interfaces', doing),
    connect: (onReadable) => join(doing, () => options.listen(NETLINK_ROUTE, INTERFACE_GROUPS, onReadable)),
    decode: (type) => (isInterfaceChange(type) ? INTERFACES : undefined),
  };
}

function common({ onIncident }: KernelEventsOptions, part: Part, doing: string) {
  return { part, doing, onIncident: (code: ErrorCode) => onIncident({ part, code }) };
}

/** Opens a descriptor; a refusal says what was refused and what to do about it. */
function join(doing: string, open: () => Receiver): Receiver {
  try {
    return open();
  } catch (caught) {
    const error = asExporterError(caught);
    if (error.code !== 'permission_denied') throw error;
    throw new ExporterError(error.code, `not permitted to ${doing}`, { remedy: REMEDY, cause: error });
  }
}
