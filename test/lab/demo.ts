import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { stringify } from 'yaml';
import { startExporter } from '../support/exporter.ts';
import { labUnavailable } from './available.ts';
import { type Door, openDoor } from './demo/door.ts';
import { playHousehold, wasCutOff } from './demo/traffic.ts';
import { createLab, type Lab } from './lab.ts';
import type { LinkSpec } from './links.ts';
import { labDirectory } from './registry.ts';
import { openTunnel } from './tunnel/tunnel.ts';

// `npm run demo`: three uplinks in namespaces, a household's MPTCP traffic over them, and the exporter at their client end,
// reached on the host's loopback, until Ctrl-C. Nothing of the host is touched but that one port.

const PORT = 10262;

const LINKS: readonly LinkSpec[] = [
  { name: 'eth0', rateMbit: 93, delayMs: 5 },
  { name: 'wlan0', rateMbit: 80, delayMs: 10 },
  { name: 'wwan0', delayMs: 30, up: { rateMbit: 6 }, down: { rateMbit: 35 } },
];

const CONFIGURATION = {
  paths: [
    { name: 'fibre', interface: 'eth0', access: 'ethernet' },
    { name: 'wifi', interface: 'wlan0', access: 'wifi' },
    { name: 'lte', interface: 'wwan0', access: 'lte', metered: true },
  ],
};

const GREETING = 'Three uplinks with MPTCP traffic: fibre 93 Mbit/s, wifi 80, lte 6 up and 35 down (metered).';

/** Gives the exit status: 2 with one line when it cannot start here, 1 when something broke, 0 after Ctrl-C. */
async function demo(port: number): Promise<number> {
  const reason = await labUnavailable();
  if (reason !== undefined) return fail(2, `the demo cannot run here: ${reason}`);
  const door = await openDoor(port);
  if (door === undefined)
    return fail(2, `127.0.0.1:${port} is taken. Stop the other program or choose another with npm run demo -- --port`);
  const lab = await createLab({ links: LINKS });
  const stop = new AbortController();
  // Not `once`: a terminal and npm may both send it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  try {
    return await show(lab, door, port, stop);
  } catch (error) {
    if (await wasCutOff(stop.signal)) return 0;
    throw error;
  } finally {
    stop.abort();
    await lab.close();
  }
}

async function show(lab: Lab, door: Door, port: number, stop: AbortController): Promise<number> {
  const configuration = join(labDirectory(lab.id), 'demo.yml');
  writeFileSync(configuration, stringify(CONFIGURATION));
  const { namespace } = lab.client;
  const exporter = await startExporter({
    prefix: lab.client.prefix,
    listen: `127.0.0.1:${PORT}`,
    args: ['--config.file', configuration],
  });
  door.lead(await openTunnel(lab, 'client', PORT));
  const url = `http://127.0.0.1:${port}`;
  console.log(GREETING);
  console.log(`open   ${url}/          the paths in words`);
  console.log(`read   ${url}/metrics   what Prometheus scrapes`);
  console.log(`enter  ip netns exec ${namespace} ss -Mi`);
  console.log('Ctrl-C takes it down');
  const ended = exporter.ended.then(async ({ stderr }) => {
    if (await wasCutOff(stop.signal)) return 0;
    stop.abort();
    return fail(1, `the exporter ended: ${stderr.trimEnd().split('\n').at(-1)}`);
  });
  await playHousehold(lab, stop.signal, (line) => console.error(line));
  return ended;
}

function fail(status: number, line: string): number {
  console.error(line);
  return status;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('expected a port from 1 to 65535');
  return port;
}

const { port } = new Command('demo')
  .description('Three uplinks with MPTCP traffic, and the exporter on them, until Ctrl-C')
  .option('--port <port>', 'of 127.0.0.1, where to reach the exporter', parsePort, PORT)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ port: number }>();
try {
  // Connections through the door would keep the process.
  process.exit(await demo(port));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
