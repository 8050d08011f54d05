import { createServer } from 'node:net';
import { splice } from '../tunnel/splice.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';

/** A port on this host's loopback that leads into a lab. */
export interface Door {
  /** From now on connections go through the tunnel; before, they are refused. */
  lead(to: Tunnel): void;
}

/** Takes a port of 127.0.0.1; undefined when another program has it, throws for any other failure. */
export async function openDoor(port: number): Promise<Door | undefined> {
  let tunnel: Tunnel | undefined;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (tunnel === undefined) socket.destroy();
    else splice(socket, tunnel.connect());
  });
  const taken = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(true) : reject(error),
    );
    server.listen(port, '127.0.0.1', () => resolve(false));
  });
  if (taken) return undefined;
  return {
    lead: (to) => {
      tunnel = to;
    },
  };
}
