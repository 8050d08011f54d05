import type { ThroughputSettings } from '../../exporter/src/config/probes/settings.ts';
import type { Measurement, ProbeResult } from '../../exporter/src/probe/probe.ts';
import type { Lab } from '../lab/lab.ts';
import { nodeProgram } from '../lab/node-program.ts';
import type { LabProcess } from '../lab/process.ts';
import type { LegOrder } from '../live/run-legs.ts';

/** The links of a home with Ethernet, WiFi and a mobile network, as the tests of bulk probes have them. */
export const HOME_LINKS = [
  { name: 'eth0', rateMbit: 93, delayMs: 5 },
  { name: 'wlan0', rateMbit: 80, delayMs: 10 },
  { name: 'lte0', up: { rateMbit: 6, delayMs: 30 }, down: { rateMbit: 35, delayMs: 30 } },
] as const;

/** An interface counts this header too, of each packet. */
const ETHERNET_BYTES = 14;

/** What a leg has come to. */
export interface LegOutcome {
  readonly result: ProbeResult<Measurement>;
  /** What the meter was told, by path. */
  readonly moved: Readonly<Record<string, { readonly sent: number; readonly received: number }>>;
  readonly took: number;
  /** Open afterwards. */
  readonly sockets: number;
  /** What each interface of the client has carried meanwhile, from the IP header on. */
  readonly carried: Readonly<Record<string, { readonly sent: number; readonly received: number }>>;
}

/** Settings of a measurement of a few seconds; the address is the leg's. */
export function throughputSettings(port: number, rest: Partial<ThroughputSettings> = {}): ThroughputSettings {
  return {
    type: 'throughput',
    target: { text: `server:${port}`, host: 'server', port },
    timetable: { intervalSeconds: 3600, jitterSeconds: 0 },
    timeoutSeconds: 20,
    directions: ['up', 'down'],
    mptcp: true,
    durationSeconds: 3,
    ...rest,
  };
}

/** Runs legs from a lab's client. */
export class Legs {
  readonly #lab: Lab;
  readonly #program: LabProcess;

  private constructor(lab: Lab, program: LabProcess) {
    [this.#lab, this.#program] = [lab, program];
  }

  static async start(lab: Lab, env: Readonly<Record<string, string>> = {}): Promise<Legs> {
    const [program, ...args] = nodeProgram(new URL('../live/run-legs.ts', import.meta.url));
    const process = lab.client.spawn(program, args, env);
    await process.waitForLine(/ready/, 20_000);
    return new Legs(lab, process);
  }

  /** One leg to the server's address on the first link: over a link alone, or over MPTCP. */
  async run(path: string, order: Pick<LegOrder, 'settings' | 'leg'> & Partial<LegOrder>): Promise<LegOutcome> {
    const { client, server, links } = this.#lab;
    const names = links.map(({ plan }) => plan.name);
    const whole: LegOrder = {
      path,
      ...(path !== 'mptcp' && { interfaceName: path, localAddress: client.address(path) }),
      address: server.address(names[0] ?? ''),
      paths: Object.fromEntries(names.map((name) => [client.address(name), name])),
      ...order,
    };
    const before = await this.#counters(names);
    const outcome = new Promise<string>((resolve, reject) => {
      const stop = this.#program.onLine((line) => {
        stop();
        resolve(line);
      });
      void this.#program.exited.then(({ stderr }) => reject(new Error(stderr)));
    });
    this.#program.write(`${JSON.stringify(whole)}\n`);
    const told = JSON.parse(await outcome) as Omit<LegOutcome, 'carried'>;
    const after = await this.#counters(names);
    const carried = names.map((name) => {
      const [first, last] = [before[name], after[name]];
      return [
        name,
        { sent: (last?.sent ?? 0) - (first?.sent ?? 0), received: (last?.received ?? 0) - (first?.received ?? 0) },
      ];
    });
    return { ...told, carried: Object.fromEntries(carried) };
  }

  async #counters(names: readonly string[]): Promise<Record<string, { sent: number; received: number }>> {
    const entries = names.map(async (name) => {
      const { sentBytes, receivedBytes, sentPackets, receivedPackets } = await this.#lab.client.counters(name);
      const sent = sentBytes - ETHERNET_BYTES * sentPackets;
      return [name, { sent, received: receivedBytes - ETHERNET_BYTES * receivedPackets }] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  }
}

/** A reflector, as users start it, in a lab's server. */
export async function startReflector(lab: Lab, args: readonly string[]): Promise<LabProcess> {
  const main = new URL('../../exporter/dist/main.js', import.meta.url).pathname;
  const program = lab.server.spawn(process.execPath, [main, 'reflector', '--log.format=json', ...args]);
  const deadline = Date.now() + 50_000;
  while (!program.stderr.includes('/metrics')) {
    if (program.exit !== undefined || Date.now() > deadline) throw new Error(`no reflector: ${program.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return program;
}
