import type { SocketAddress, SubflowRecord, TcpInfo, TcpState } from '../../mptcp/model.ts';
import {
  boundInterfaceOf,
  cookieOf,
  inodeOf,
  localOf,
  MESSAGE_BYTES,
  remoteOf,
  sendQueueOf,
  stateOf,
} from './inet-diag.ts';
import { copyWords, RowCopies } from './row-copies.ts';
import { KernelTcpInfo, TCP_INFO_BYTES } from './tcp-info.ts';
import type { Attributes } from './wire.ts';

/** MPTCP_SUBFLOW_ATTR_* (uapi/linux/mptcp.h). TOKEN_REM is 0 on many subflows and never a key, so it is not read. */
const SUBFLOW_ATTRIBUTE = { tokenLocal: 2, flags: 8, idRemote: 9, idLocal: 10 } as const;

/** What is kept of a row: the inet_diag_msg, the tcp_info, then what the attributes told, and which of it they did. */
const INFO = MESSAGE_BYTES;
const TOKEN = INFO + TCP_INFO_BYTES;
const FLAGS = TOKEN + 4;
const ID_REMOTE = FLAGS + 4;
const ID_LOCAL = ID_REMOTE + 1;
const TOLD = ID_LOCAL + 1;
const ROW_BYTES = TOLD + 2;

/** Bits of the byte at TOLD. */
const TELLS = { info: 1, flags: 2, idRemote: 4, idLocal: 8 } as const;

const copies = new RowCopies(ROW_BYTES);

/** A row of the TCP dump as a record, each field read when it is asked for. */
class SubflowRow implements SubflowRecord {
  readonly #row: DataView;
  readonly #at: number;
  readonly #congestionControl: string | undefined;

  constructor(row: DataView, at: number, congestionControl: string | undefined) {
    this.#row = row;
    this.#at = at;
    this.#congestionControl = congestionControl;
  }

  get state(): TcpState {
    return stateOf(this.#row, this.#at);
  }
  get local(): SocketAddress {
    return localOf(this.#row, this.#at);
  }
  get remote(): SocketAddress {
    return remoteOf(this.#row, this.#at);
  }
  get boundInterfaceIndex(): number | undefined {
    return boundInterfaceOf(this.#row, this.#at);
  }
  get inode(): number | undefined {
    return inodeOf(this.#row, this.#at);
  }
  get cookie(): number | undefined {
    return cookieOf(this.#row, this.#at);
  }
  get token(): number | undefined {
    return this.#row.getUint32(this.#at + TOKEN, true) || undefined;
  }
  get localId(): number | undefined {
    return this.#tells(TELLS.idLocal) ? this.#row.getUint8(this.#at + ID_LOCAL) : undefined;
  }
  get remoteId(): number | undefined {
    return this.#tells(TELLS.idRemote) ? this.#row.getUint8(this.#at + ID_REMOTE) : undefined;
  }
  get flags(): number | undefined {
    return this.#tells(TELLS.flags) ? this.#row.getUint32(this.#at + FLAGS, true) : undefined;
  }
  get sendQueueBytes(): number {
    return sendQueueOf(this.#row, this.#at);
  }
  get tcp(): TcpInfo {
    if (this.#tells(TELLS.info)) return new KernelTcpInfo(this.#row, this.#at + INFO, this.#congestionControl);
    return this.#congestionControl === undefined ? {} : { congestionControl: this.#congestionControl };
  }

  /** Every field, as a plain object. */
  toJSON(): SubflowRecord {
    const { state, local, remote, boundInterfaceIndex, inode, cookie, token, localId, remoteId, flags } = this;
    const { sendQueueBytes, tcp } = this;
    const identity = { state, local, remote, boundInterfaceIndex, inode, cookie, token, localId, remoteId, flags };
    return { ...identity, sendQueueBytes, tcp };
  }

  #tells(bit: number): boolean {
    return (this.#row.getUint8(this.#at + TOLD) & bit) !== 0;
  }
}

/** Where a row's tcp_info is, 0 bytes long when it has none, and what its attributes tell. */
export interface SubflowParts {
  readonly info: number;
  readonly infoLength: number;
  readonly congestionControl: string | undefined;
  /** Those of MPTCP; undefined where the kernel hides them. */
  readonly attributes: Attributes | undefined;
}

/** Copies a checked row of the TCP dump, which starts at `start`, into a record. Throws `truncated` or `malformed`. */
export function subflowRow(
  view: DataView,
  start: number,
  { info, infoLength, congestionControl, attributes }: SubflowParts,
): SubflowRecord {
  const at = copies.add();
  const row = copies.block;
  copyWords(view, start, row, at, MESSAGE_BYTES);
  let told = 0;
  // A shorter struct is none that we know.
  if (infoLength >= TCP_INFO_BYTES) {
    copyWords(view, info, row, at + INFO, TCP_INFO_BYTES);
    told |= TELLS.info;
  }
  if (attributes !== undefined) told |= copyAttributes(attributes, row, at);
  row.setUint8(at + TOLD, told);
  return new SubflowRow(row, at, congestionControl);
}

function copyAttributes(attributes: Attributes, row: DataView, at: number): number {
  let told = 0;
  while (attributes.next()) {
    switch (attributes.type) {
      case SUBFLOW_ATTRIBUTE.tokenLocal:
        row.setUint32(at + TOKEN, attributes.u32(), true);
        break;
      case SUBFLOW_ATTRIBUTE.flags:
        row.setUint32(at + FLAGS, attributes.u32(), true);
        told |= TELLS.flags;
        break;
      case SUBFLOW_ATTRIBUTE.idRemote:
        row.setUint8(at + ID_REMOTE, attributes.u8());
        told |= TELLS.idRemote;
        break;
      case SUBFLOW_ATTRIBUTE.idLocal:
        row.setUint8(at + ID_LOCAL, attributes.u8());
        told |= TELLS.idLocal;
        break;
    }
  }
  return told;
}
