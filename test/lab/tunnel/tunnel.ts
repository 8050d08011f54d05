import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Lab } from '../lab.ts';
import { compiledProgram } from '../node-program.ts';
import { labDirectory } from '../registry.ts';

const PROGRAM = new URL('program.ts', import.meta.url);

/** A way from outside of a lab to a TCP port on loopback inside; it ends with the lab. */
export interface Tunnel {
  /** The Unix socket, which namespaces share, that leads to {@link Tunnel.port}. */
  readonly socketPath: string;
  readonly port: number;
  /** A connection to the port, with `allowHalfOpen`. */
  connect(): Socket;
}

/** Opens a tunnel to a port of one end's loopback; nothing needs to listen there yet. */
export async function openTunnel(lab: Lab, role: 'client' | 'server', port: number): Promise<Tunnel> {
  const socketPath = join(labDirectory(lab.id), `${role}-${port}.sock`);
  const [program, ...args] = compiledProgram(PROGRAM);
  await lab[role].spawn(program, [...args, socketPath, String(port)]).waitForLine(/^listening$/);
  return { socketPath, port, connect: () => connect({ path: socketPath, allowHalfOpen: true }) };
}
