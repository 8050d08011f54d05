import { readdirSync, readlinkSync } from 'node:fs';

/** Sockets that this process, or another, holds open. */
export function openSockets(pid: number | 'self' = 'self'): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((descriptor) => {
    try {
      return readlinkSync(`${folder}/${descriptor}`).startsWith('socket:');
    } catch {
      return false; // closed meanwhile: the descriptor by which the folder itself was read
    }
  }).length;
}
