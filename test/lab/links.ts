import type { Shape } from './shape.ts';

/** One direction of a link; what is absent is unlimited, without delay or without loss. */
export interface Direction {
  readonly rateMbit?: number | undefined;
  /** One way, in milliseconds: the RTT is the sum of both directions. */
  readonly delayMs?: number;
  readonly lossPercent?: number;
  /** How long a packet may wait for the rate before it is dropped, in milliseconds (default 50): the bufferbloat. */
  readonly queueMs?: number;
}

/** How a link is made: a bare veth pair, a veth pair with netem, or two VDE switches joined by wirefilter. */
export type Emulation = 'veth' | 'netem' | 'vde';

/** The flags of `ip mptcp endpoint add`. */
export type EndpointFlag = 'subflow' | 'backup' | 'fullmesh' | 'signal';

/** A link as a test asks for it; values beside `up` and `down` count for both directions, `up` is client to server. */
export interface LinkSpec extends Direction {
  /** The interface's name at both ends. */
  readonly name: string;
  readonly up?: Direction;
  readonly down?: Direction;
  /** Default true. */
  readonly ipv6?: boolean;
  /** The client's endpoint on this link; default none for the first link and `['subflow']` for the others, `[]` for none. */
  readonly endpoint?: readonly EndpointFlag[];
  /** The server announces its address on this link (a signal endpoint); default false. */
  readonly announce?: boolean;
  /**
   * Default: `veth` when neither delay nor loss is given, else netem where the kernel has it, else VDE. So a link whose
   * delay or loss is to change while it runs is given one at the start, which may be 0.
   */
  readonly emulation?: Emulation;
}

/** The addresses of one end of a link, without prefix length. */
export interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string | undefined;
}

/** A link with everything decided. */
export interface LinkPlan {
  readonly name: string;
  /** From 1; part of the addresses and of the client's routing table. */
  readonly index: number;
  readonly emulation: Emulation;
  readonly client: Addresses;
  readonly server: Addresses;
  readonly up: Shape;
  readonly down: Shape;
  readonly endpoint: readonly EndpointFlag[];
  readonly announce: boolean;
}

const DEFAULT_QUEUE_MS = 50;
const MAX_LINKS = 100;

/** Decides addresses (10.77.i.1 and .2, fd77:i::1 and ::2), shapes and endpoints; throws for names and figures that cannot be. */
export function planLinks(specs: readonly LinkSpec[], hasNetem: boolean): LinkPlan[] {
  if (specs.length === 0 || specs.length > MAX_LINKS)
    throw new Error(`a lab has 1 to ${MAX_LINKS} links, not ${specs.length}`);
  return specs.map((spec, position) => {
    if (!/^[a-z][a-z0-9_-]{0,14}$/.test(spec.name) || spec.name === 'lo')
      throw new Error(`"${spec.name}" cannot name an interface`);
    if (specs.findIndex(({ name }) => name === spec.name) !== position)
      throw new Error(`two links are named "${spec.name}"`);
    const index = position + 1;
    const emulated = [spec, spec.up, spec.down].some((d) => d?.delayMs !== undefined || d?.lossPercent !== undefined);
    const emulation = spec.emulation ?? (emulated ? (hasNetem ? 'netem' : 'vde') : 'veth');
    const addresses = (host: 1 | 2): Addresses => ({
      ipv4: `10.77.${index}.${host}`,
      ipv6: (spec.ipv6 ?? true) ? `fd77:${index}::${host}` : undefined,
    });
    const initial: Shape = { rateMbit: undefined, delayMs: 0, lossPercent: 0, queueMs: DEFAULT_QUEUE_MS };
    return {
      name: spec.name,
      index,
      emulation,
      client: addresses(1),
      server: addresses(2),
      up: reshape(initial, emulation, spec, spec.up),
      down: reshape(initial, emulation, spec, spec.down),
      endpoint: spec.endpoint ?? (position === 0 ? [] : ['subflow']),
      announce: spec.announce ?? false,
    };
  });
}

/** The shape after the changes, later ones winning; throws for figures that cannot be, and for delay or loss on a bare veth pair. */
export function reshape(shape: Shape, emulation: Emulation, ...changes: readonly (Direction | undefined)[]): Shape {
  const next = changes.reduce<Shape>(
    (current, change) => ({
      rateMbit: change?.rateMbit ?? current.rateMbit,
      delayMs: change?.delayMs ?? current.delayMs,
      lossPercent: change?.lossPercent ?? current.lossPercent,
      queueMs: change?.queueMs ?? current.queueMs,
    }),
    shape,
  );
  if (next.rateMbit !== undefined && !(next.rateMbit > 0)) throw new Error(`rateMbit ${next.rateMbit} is not above 0`);
  if (!(next.delayMs >= 0 && next.delayMs <= 60_000))
    throw new Error(`delayMs ${next.delayMs} is not within 0 to 60000`);
  if (!(next.lossPercent >= 0 && next.lossPercent <= 100))
    throw new Error(`lossPercent ${next.lossPercent} is not within 0 to 100`);
  if (!(next.queueMs > 0)) throw new Error(`queueMs ${next.queueMs} is not above 0`);
  if (emulation === 'veth' && (next.delayMs > 0 || next.lossPercent > 0)) {
    throw new Error('a bare veth link has no delay and no loss: create it with delayMs: 0 to change them later');
  }
  return next;
}
