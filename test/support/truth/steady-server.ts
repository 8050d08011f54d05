import type { Lab } from '../../lab/lab.ts';
import { Agent } from '../../lab/traffic/agent.ts';
import { seconds } from './paths.ts';

const TIMEOUT_MS = 30_000;
const BYTES_PER_SECOND = 250_000;

/** A server that keeps its port from one connection to the next: an exporter then knows what protocol its peer speaks. */
export class SteadyServer {
  readonly #lab: Lab;
  readonly #port: number;
  #client: Agent | undefined;

  private constructor(lab: Lab, port: number) {
    this.#lab = lab;
    this.#port = port;
  }

  /** Starts it; it ends with the lab. */
  static async open(lab: Lab): Promise<SteadyServer> {
    const server = new Agent(lab.server, 'mptcp', TIMEOUT_MS);
    const connections = Number.MAX_SAFE_INTEGER;
    const receives = { sends: false, receives: true, closesWhenDone: false };
    server.tell({ host: '0.0.0.0', ipv6Only: false, connections, ...receives });
    const { port } = await server.next('listening');
    return new SteadyServer(lab, port);
  }

  /** Connects over one link alone, in place of any connection before, and goes on sending; gives when it was open. */
  async connect(link: string): Promise<number> {
    await this.disconnect();
    const { client, server } = this.#lab;
    this.#client = new Agent(client, 'mptcp', TIMEOUT_MS);
    this.#client.tell({
      host: server.address(link),
      connect: { port: this.#port, from: client.address(link) },
      ipv6Only: false,
      connections: 1,
      sends: true,
      receives: false,
      bytesPerSecond: BYTES_PER_SECOND,
      closesWhenDone: false,
    });
    await this.#client.next('opened');
    return seconds();
  }

  /** Ends the connection. */
  async disconnect(): Promise<void> {
    await this.#client?.kill();
    this.#client = undefined;
  }
}
