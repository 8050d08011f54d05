import { createHash } from 'node:crypto';
import type { Sizes } from './protocol.ts';

/** The size of the connection from this port of the client. */
export function sizeOf({ least, most, seed }: Sizes, clientPort: number): number {
  const drawn = createHash('sha256').update(`${seed} ${clientPort}`).digest().readUInt32BE() / 2 ** 32;
  return Math.round(least * (most / least) ** drawn);
}
