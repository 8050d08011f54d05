import type { SocketAddress, Subflow } from '../mptcp/model.ts';

/** `address:port`, IPv6 in brackets. */
export function addressLabel({ address, port }: SocketAddress): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A token as 8 hex digits; empty where the source hides it. */
export function tokenLabel(token: number | undefined): string {
  return token === undefined ? '' : token.toString(16).padStart(8, '0');
}

/** The labels that every per-subflow family shares. */
export interface SubflowLabels {
  readonly token: string;
  readonly path: string;
  readonly local: string;
  readonly remote: string;
}

/** Labels of one subflow; the same address and token never stand twice in one look. */
export function subflowLabels({ path, socket: { token, local, remote } }: Subflow): SubflowLabels {
  return { token: tokenLabel(token), path, local: addressLabel(local), remote: addressLabel(remote) };
}
