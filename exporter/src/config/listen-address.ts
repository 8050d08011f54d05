import { isIP } from 'node:net';
import { ExporterError } from '../errors.ts';
import { shown } from './words.ts';

/** Where to listen. `host` is a name or an address without brackets, empty for every interface; port 0 lets the kernel choose. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `127.0.0.1:10262`, `[::1]:10262`, `localhost:0` or `:10262` (every interface).
 * Throws ExporterError `malformed`, whose message says what was expected.
 */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[(?<v6>[^\]]*)\]|(?<host>[^:[\]]*)):(?<port>\d{1,5})$/.exec(text);
  const { v6, host = '', port } = match?.groups ?? {};
  const hostIsGood = v6 === undefined ? host === '' || isIP(host) === 4 || isHostName(host) : isIP(v6) === 6;
  if (port === undefined || Number(port) > 65_535 || !hostIsGood) {
    throw new ExporterError(
      'malformed',
      `expected HOST:PORT such as 127.0.0.1:10262, [::1]:10262 or :10262 for every interface, got ${shown(text)}`,
    );
  }
  return { host: v6 ?? host, port: Number(port) };
}

/** The way {@link parseListenAddress} reads: `127.0.0.1:10262`, `[::1]:10262`, `:10262`. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** RFC 1123 host names; the last label has a letter, so that a mistyped IPv4 address is no name. */
export function isHostName(host: string): boolean {
  const labels = host.split('.');
  return (
    host.length <= 253 &&
    labels.every((label) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label)) &&
    /[A-Za-z]/.test(labels.at(-1) ?? '')
  );
}
