import { endianness } from 'node:os';
import type { SocketAddress } from '../../mptcp/model.ts';
import { ipv4Text, ipv6Text } from '../address.ts';

const LITTLE_ENDIAN = endianness() === 'LE';

/** A number of at most eight hexadecimal digits, undefined for any other text or a number above `most`. */
export function hexNumber(text: string | undefined, most = 0xffffffff): number | undefined {
  if (text === undefined || !/^[0-9A-Fa-f]{1,8}$/.test(text)) return undefined;
  const value = Number.parseInt(text, 16);
  return value <= most ? value : undefined;
}

/** A decimal number without sign that a double holds exactly, undefined for any other text. */
export function decimalNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/**
 * An address as /proc/net/tcp prints it: network-order words read as numbers of this machine, so that 192.168.1.102 is `6601A8C0`
 * on a little-endian one (net/ipv4/tcp_ipv4.c, net/ipv6/tcp_ipv6.c). Undefined unless 8 or 32 hexadecimal digits.
 */
export function hexAddress(text: string, littleEndian: boolean = LITTLE_ENDIAN): string | undefined {
  if (text.length !== 8 && text.length !== 32) return undefined;
  const bytes = Buffer.from(text, 'hex');
  if (bytes.length !== text.length / 2) return undefined;
  if (littleEndian) bytes.swap32();
  return bytes.length === 4 ? ipv4Text(bytes, 0) : ipv6Text(bytes, 0);
}

/** `ADDRESS:PORT`, the address as in {@link hexAddress} and the port in hexadecimal; undefined when it is not that. */
export function hexSocketAddress(
  text: string | undefined,
  littleEndian: boolean = LITTLE_ENDIAN,
): SocketAddress | undefined {
  const [addressText, portText, surplus] = text?.split(':', 3) ?? [];
  const address = hexAddress(addressText ?? '', littleEndian);
  const port = hexNumber(portText, 0xffff);
  return address === undefined || port === undefined || surplus !== undefined ? undefined : { address, port };
}

/** `FIRST:SECOND` in hexadecimal, as the queues are printed; undefined when it is not that. */
export function hexPair(text: string | undefined): readonly [number, number] | undefined {
  const [firstText, secondText, surplus] = text?.split(':', 3) ?? [];
  const first = hexNumber(firstText);
  const second = hexNumber(secondText);
  return first === undefined || second === undefined || surplus !== undefined ? undefined : [first, second];
}
