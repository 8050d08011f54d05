import type { Socket } from 'node:net';
import koffi from 'koffi';

const SOL_MPTCP = 284;
const MPTCP_TCPINFO = 2;
const SOL_TCP = 6;
const TCP_INFO = 11;
/** `struct mptcp_subflow_data` (uapi/linux/mptcp.h), before an array of `struct tcp_info`. */
const HEADER_BYTES = 16;
/** Reaches beyond tcpi_bytes_sent and tcpi_bytes_retrans (uapi/linux/tcp.h). */
const INFO_BYTES = 216;
const OFFSET = { sent: 200, retransmitted: 208 };
const MOST_SUBFLOWS = 9;

/**
 * Payload that the subflows of an MPTCP socket have sent, TCP's retransmissions left out; of plain TCP, that of the socket,
 * also when it had been meant to be MPTCP. Undefined when the kernel refuses.
 */
export type AskCarried = (descriptor: number) => number | undefined;

/** Binds getsockopt(2), which Node.js lacks, for `MPTCP_TCPINFO` of Linux 5.16 and later. */
export function askCarriedBytes(): AskCarried {
  const getsockopt = koffi
    .load(null)
    .func('int getsockopt(int descriptor, int level, int option, _Inout_ uint8_t *value, _Inout_ uint32_t *length)');
  const sentOnce = (data: Buffer, info: number) =>
    Number(data.readBigUInt64LE(info + OFFSET.sent) - data.readBigUInt64LE(info + OFFSET.retransmitted));
  return (descriptor) => {
    const data = Buffer.alloc(HEADER_BYTES + MOST_SUBFLOWS * INFO_BYTES);
    data.writeUInt32LE(HEADER_BYTES, 0);
    data.writeUInt32LE(INFO_BYTES, 12);
    if (getsockopt(descriptor, SOL_MPTCP, MPTCP_TCPINFO, data, [data.length]) === 0) {
      const subflows = Math.min(data.readUInt32LE(4), MOST_SUBFLOWS);
      const each = Array.from({ length: subflows }, (_, i) => sentOnce(data, HEADER_BYTES + i * INFO_BYTES));
      return each.reduce((sum, bytes) => sum + bytes, 0);
    }
    data.fill(0);
    return getsockopt(descriptor, SOL_TCP, TCP_INFO, data, [data.length]) === 0 ? sentOnce(data, 0) : undefined;
  };
}

/** The file descriptor of an open socket, which Node.js keeps on its handle. */
export function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd: number } | null };
  return handle?.fd;
}
