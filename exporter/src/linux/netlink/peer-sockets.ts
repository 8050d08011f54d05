import { canonicalAddress } from '../address.ts';
import type { Libc } from '../libc.ts';
import { MPTCP_OPTION_BYTES, type OwnTraffic, trafficOf } from '../own-traffic.ts';
import { encodeSocketAddress, familyOf } from '../socket-bytes.ts';
import { ATTRIBUTE, cookieOf, localOf, MESSAGE_BYTES, remoteOf, requireSocket } from './inet-diag.ts';
import { connectionDumpRequest, decodeConnection, NETLINK_SOCK_DIAG, subflowDumpRequest } from './sock-diag.ts';
import { NetlinkSocket } from './socket.ts';
import { TCP_INFO_BYTES } from './tcp-info.ts';
import { openTransport } from './transport.ts';
import { Attributes } from './wire.ts';

/** Which sockets are looked at. */
export interface PeerFilter {
  /** Of the other end. */
  readonly address: string;
  /** Of the other end; undefined: any, as FTP needs for its data. */
  readonly port?: number | undefined;
}

/** A TCP socket, or a subflow, that is connected to the peer. */
export interface PeerSocket extends OwnTraffic {
  /** Unique while the machine runs. */
  readonly cookie: number;
}

/** An MPTCP connection to the peer. */
export interface PeerConnection {
  readonly cookie: number | undefined;
  readonly fallback: boolean;
}

/** The TCP sockets of this machine to one peer, whichever program has them: what tells the bytes of a tool while it runs. */
export class PeerSockets {
  readonly #socket: NetlinkSocket;
  readonly #filter: PeerFilter;

  constructor(libc: Libc, { address, port }: PeerFilter) {
    this.#filter = { address: canonicalAddress(address), port };
    this.#socket = new NetlinkSocket({
      connect: () => openTransport(libc, NETLINK_SOCK_DIAG),
      onIncident: () => undefined, // the next look makes up for it
    });
  }

  /** Throws an ExporterError as a dump does. */
  read(): Promise<readonly PeerSocket[]> {
    const family = familyOf(encodeSocketAddress({ address: this.#filter.address, port: 0 }));
    return this.#socket.dump({
      ...subflowDumpRequest(family),
      doing: 'dump the TCP sockets',
      decode: (view, start, end) => this.#decode(view, start, end),
    });
  }

  /** MPTCP connections to the peer, and whether they have fallen back: their subflow looks like one all the same. */
  async connections(): Promise<readonly PeerConnection[]> {
    const { address, port } = this.#filter;
    const family = familyOf(encodeSocketAddress({ address, port: 0 }));
    const rows = await this.#socket.dump({
      ...connectionDumpRequest(family),
      doing: 'dump the MPTCP sockets',
      decode: decodeConnection,
    });
    return rows
      .filter(({ remote }) => remote.address === address && remote.port === (port ?? remote.port))
      .map(({ cookie, fallback }) => ({ cookie, fallback: fallback === true }));
  }

  /** Gives back the descriptor. */
  close(): void {
    this.#socket.close();
  }

  #decode(view: DataView, start: number, end: number): PeerSocket | undefined {
    requireSocket(view, start, end);
    const { address, port } = remoteOf(view, start);
    if (address !== this.#filter.address || port !== (this.#filter.port ?? port)) return undefined;
    let info: number | undefined;
    let isSubflow = false;
    const attributes = new Attributes(view, start + MESSAGE_BYTES, end);
    while (attributes.next()) {
      if (attributes.type === ATTRIBUTE.info && attributes.length >= TCP_INFO_BYTES) info = attributes.offset;
      // Other protocols on top of TCP (TLS) are nothing that a tool of ours uses.
      if (attributes.type === ATTRIBUTE.ulpInfo) isSubflow = true;
    }
    const cookie = cookieOf(view, start);
    if (info === undefined || cookie === undefined) return undefined;
    const local = localOf(view, start);
    const about = { localAddress: local.address, localPort: local.port, option: isSubflow ? MPTCP_OPTION_BYTES : 0 };
    return { ...trafficOf(view, info, about), cookie };
  }
}
