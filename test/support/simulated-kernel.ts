import type { CloseRecord, PathManagerEvent, SocketAddress, SubflowRecord } from '../../exporter/src/mptcp/model.ts';
import { subflow } from './scene.ts';

/** What a subflow of the simulation has moved. */
export interface Moved {
  sent: number;
  received: number;
}

/** How a simulated subflow ends: told exactly, told with its counters zeroed, or not told at all. */
export type End = 'exact' | 'zeroed' | 'missed';

/** One subflow of the simulation from its birth to its end, with what its observer can have learnt. */
export interface SimulatedSubflow {
  readonly cookie: number;
  readonly token: number;
  readonly local: SocketAddress;
  readonly moved: Moved;
  /** Told in time by an event or shown by a look. */
  known: boolean;
  /** Counters at the first look, for one that was open then. */
  base: Moved;
  /** The most that a look has shown. */
  polled: Moved;
  foundOpen: boolean;
  end: End | undefined;
}

const REMOTE: SocketAddress = { address: '10.77.1.2', port: 7001 };

/** Sockets that come, move bytes and go; it knows the truth that a ledger should arrive at. */
export class SimulatedKernel {
  readonly subflows: SimulatedSubflow[] = [];
  #cookies = 0;
  #ports = 10_000;
  #tokens = 0;

  get open(): readonly SimulatedSubflow[] {
    return this.subflows.filter(({ end }) => end === undefined);
  }

  /** A subflow on link 1 or 2, on a socket of its own or on one that was disconnected. */
  connect(link: 1 | 2, cookie = ++this.#cookies): SimulatedSubflow {
    const born: SimulatedSubflow = {
      cookie,
      token: ++this.#tokens,
      local: { address: `10.77.${link}.1`, port: ++this.#ports },
      moved: { sent: 0, received: 0 },
      known: false,
      base: { sent: 0, received: 0 },
      polled: { sent: 0, received: 0 },
      foundOpen: false,
      end: undefined,
    };
    this.subflows.push(born);
    return born;
  }

  /** The open subflows as a dump shows them at this moment. */
  dump(): readonly { readonly of: SimulatedSubflow; readonly row: SubflowRecord }[] {
    return this.open.map((of) => ({ of, row: rowOf(of) }));
  }

  /** Closes a plain TCP socket, which is told like a subflow's close. */
  plainClose(bytes: number): CloseRecord {
    const plain = this.connect(1);
    this.subflows.pop();
    return rowOf({ ...plain, moved: { sent: bytes, received: bytes } });
  }
}

/** The event that names a subflow. */
export function eventOf({ token, local }: SimulatedSubflow, name: PathManagerEvent['name']): PathManagerEvent {
  return { name, token, local, remote: REMOTE };
}

/** What the kernel tells of a subflow's close, if it does. */
export function closeOf(one: SimulatedSubflow): CloseRecord | undefined {
  if (one.end === 'missed') return undefined;
  const row = rowOf(one);
  if (one.end === 'exact') return row;
  return {
    ...row,
    local: { address: '0.0.0.0', port: one.local.port },
    remote: { address: REMOTE.address, port: 0 },
    tcp: { sentBytes: 0, receivedBytes: 0, retransmittedBytes: 0, acknowledgedBytes: 0 },
  };
}

/** The bytes of a subflow that a perfect ledger has: all where they could be learnt, else what looks have shown. */
export function learnable({ known, end, moved, polled, base }: SimulatedSubflow): Moved {
  if (!known) return { sent: 0, received: 0 };
  const last = end === 'exact' ? moved : polled;
  return { sent: Math.max(0, last.sent - base.sent), received: Math.max(0, last.received - base.received) };
}

function rowOf({ token, local, cookie, moved }: SimulatedSubflow): SubflowRecord {
  return subflow(token, local.address, { cookie, local, remote: REMOTE, ...moved });
}
