import { isIP } from 'node:net';
import { ExporterError } from '../../errors.ts';
import { isHostName } from '../listen-address.ts';
import { shown } from '../words.ts';
import type { ProbeTarget } from './settings.ts';

/** Whether a target has a port: never, always, or the one given unless it says another. */
export type PortRule = 'none' | 'required' | number;

const EXAMPLES = { none: 'HOST such as 192.0.2.1', required: 'HOST:PORT such as 192.0.2.1:443 or [2001:db8::1]:443' };

/** Reads `example.org`, `192.0.2.1`, `2001:db8::1`, and with a port `example.org:443` or `[2001:db8::1]:443`. Throws `malformed`. */
export function parseTarget(text: string, rule: PortRule): ProbeTarget {
  const expected =
    typeof rule === 'number' ? 'HOST or HOST:PORT such as vps.example.org or [2001:db8::1]:443' : EXAMPLES[rule];
  const fail = () => new ExporterError('malformed', `expected ${expected}, got ${shown(text)}`);
  if (rule !== 'required' && (isIP(text) !== 0 || isHostName(text))) {
    return { text, host: text, ...(rule !== 'none' && { port: rule }) };
  }
  const match = /^(?:\[(?<v6>[^\]]*)\]|(?<host>[^:[\]]*))(?::(?<port>\d{1,5}))?$/.exec(text);
  const { v6, host = '', port } = match?.groups ?? {};
  const hostIsGood = v6 === undefined ? isIP(host) === 4 || isHostName(host) : isIP(v6) === 6;
  const number = port === undefined ? undefined : Number(port);
  if (!hostIsGood || (rule === 'none') !== (number === undefined)) throw fail();
  if (number !== undefined && (number < 1 || number > 65_535)) throw fail();
  return { text, host: v6 ?? host, ...(number !== undefined && { port: number }) };
}
