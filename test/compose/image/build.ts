import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { freePort } from '../../support/free-port.ts';
import { startWithin, within } from './root.ts';
import { type BuiltImage, build } from './steps.ts';

// `npm run image`: follows exporter/Dockerfile in roots made by debootstrap, since tests have no container engine, then starts the
// result as Docker would (ordinary user, CAP_NET_ADMIN alone, read-only, the host's network) and asks it for metrics. Not
// part of `npm test`: it takes minutes and 2 GB. Not covered: the base image itself, layers, the engine's own confinement.

const CONTEXT = fileURLToPath(new URL('../../../', import.meta.url));
const CA = '/etc/ssl/certs/ca-certificates.crt';
/** As Docker does for `user: node`, `cap_drop: ALL` and `cap_add: NET_ADMIN`. */
const CONFINED = [
  'setpriv',
  '--reuid=1000',
  '--regid=1000',
  '--clear-groups',
  '--inh-caps=-all',
  '--bounding-set=-all,+net_admin',
];
const say = (line: string) => console.log(line);

async function main(folder: string): Promise<void> {
  // RUN needs this machine's way to the registry; Docker's builder would have its own.
  const registry = (await execa('npm', ['config', 'get', 'registry'])).stdout;
  const extra = { npm_config_registry: registry, npm_config_cafile: CA, NODE_EXTRA_CA_CERTS: CA };
  const dockerfile = readFileSync(join(CONTEXT, 'exporter/Dockerfile'), 'utf8');
  const image = await build(dockerfile, { context: CONTEXT, folder, extra, say });
  const size = (await execa('du', ['-sm', join(image.root, 'app')])).stdout.split('\t')[0];
  say(`built; /app has ${size} MB`);
  if (image.user !== 'node') throw new Error(`it would run as ${image.user}`);
  await run(image);
}

async function run({ root, environment, directory, entrypoint, healthCheck }: BuiltImage): Promise<void> {
  const port = await freePort();
  const options = { environment, directory, readOnly: true, prefix: CONFINED };
  const container = startWithin(root, [...entrypoint, `--web.listen-address=127.0.0.1:${port}`], options);
  let over = false;
  void container.then(() => {
    over = true;
  });
  try {
    const url = `http://127.0.0.1:${port}`;
    while (
      !(await fetch(`${url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ))
    ) {
      if (over) throw new Error(`the entrypoint ended: ${(await container).all}`);
      await sleep(200);
    }
    const metrics = await (await fetch(`${url}/metrics`)).text();
    if (!/^mptcp_up 1$/m.test(metrics)) throw new Error('mptcp_up is not 1');
    say(`serves ${metrics.split('\n').length} lines, mptcp_up 1`);
    say(await confinement(port));
    // The port is fixed in it, as it is in the container.
    await within(
      root,
      healthCheck.map((word) => word.replaceAll('10262', String(port))),
      options,
    );
    say('its health check passes');
  } finally {
    const start = performance.now();
    await execa('pkill', ['-TERM', '-P', String(container.pid)], { reject: false });
    await container;
    say(`ended ${((performance.now() - start) / 1000).toFixed(1)} s after SIGTERM`);
  }
}

/** User and capabilities of the process that listens. */
async function confinement(port: number): Promise<string> {
  const { stdout } = await execa('ss', ['-ltnpH', `sport = :${port}`]);
  const pid = /pid=(\d+)/.exec(stdout)?.[1];
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const lines = ['Uid', 'CapEff', 'CapPrm', 'CapBnd', 'NoNewPrivs'].map(
    (name) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1],
  );
  const expected = ['1000', '0000000000001000', '0000000000001000', '0000000000001000', '1'];
  if (lines.join() !== expected.join()) throw new Error(`confined otherwise than expected: ${lines.join()}`);
  return 'runs as 1000 with CAP_NET_ADMIN and nothing else, and cannot gain more';
}

const folder = await mkdtemp(join(tmpdir(), 'mptcp-image-'));
try {
  await main(folder);
} catch (error) {
  console.error(error instanceof Error ? error.message.slice(0, 300) + error.message.slice(-2500) : error);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
