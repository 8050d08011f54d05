import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nodeProgram } from '../lab/node-program.ts';
import { processesIn, sweepLeftovers } from '../lab/registry.ts';
import { describeLive } from '../lab/vitest.ts';
import { parseExposition } from '../support/exposition.ts';
import { freePort } from '../support/free-port.ts';
import { running } from '../support/processes.ts';

const DEMO = new URL('../lab/demo.ts', import.meta.url);
const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const nobodyReads = spawnSync('setpriv', [...AS_NOBODY.slice(1), 'test', '-r', fileURLToPath(DEMO)]).status === 0;

const namespacesOf = (pid: number): string[] =>
  readdirSync('/var/run/netns').filter((name) => name.startsWith(`mptcp-lab-${pid}-`));

describeLive('npm run demo', () => {
  let folder: string;
  let child: ChildProcess;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mptcp-demo-'));
  });
  afterEach(() => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid ?? 0), 'SIGKILL');
    sweepLeftovers();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts it in a process group of its own, as a terminal does, with a folder of its own for what is temporary. */
  function start(port: number, prefix: readonly string[] = []) {
    const [program = '', ...args] = [...prefix, ...nodeProgram(DEMO), `--port=${port}`];
    child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: folder },
    });
    const [stdout, stderr] = [child.stdout, child.stderr];
    if (stdout === null || stderr === null) throw new Error('spawned without pipes');
    const ended = Promise.all([text(stdout), text(stderr), once(child, 'exit') as Promise<[number | null]>]).then(
      ([out, err, [status]]) => ({ status, stdout: out, stderr: err }),
    );
    return { pid: child.pid ?? 0, ended };
  }

  it('shows three named paths carrying traffic on the host, and leaves nothing behind after Ctrl-C', async () => {
    const port = await freePort();
    const { pid, ended } = start(port);
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();

    await expect
      .poll(() => get('/').catch(String), { timeout: 60_000, interval: 500 })
      .toMatch(/MPTCP is on: \d+ connections? over 3 paths/);
    const page = await get('/');
    for (const words of ['fibre', 'wifi', 'lte', 'metered', 'carrying traffic']) expect(page).toContain(words);

    const metrics = parseExposition(await get('/metrics'));
    expect(
      metrics.samples('mptcp_path_info').map(({ labels }) => [labels.path, labels.interface, labels.metered]),
    ).toEqual([
      ['fibre', 'eth0', ''],
      ['wifi', 'wlan0', ''],
      ['lte', 'wwan0', 'true'],
    ]);
    await expect
      .poll(
        async () => {
          const now = parseExposition(await get('/metrics'));
          return ['fibre', 'wifi', 'lte'].map(
            (path) => now.value('mptcp_path_received_bytes_total', { path }) > 100_000,
          );
        },
        { timeout: 60_000, interval: 1000 },
      )
      .toEqual([true, true, true]);

    const inside = namespacesOf(pid).flatMap(processesIn);
    expect(namespacesOf(pid)).toHaveLength(2);
    expect(inside.length).toBeGreaterThan(5);
    process.kill(-pid, 'SIGINT');
    const { status, stdout, stderr } = await ended;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`http://127.0.0.1:${port}/metrics`);
    expect(namespacesOf(pid)).toEqual([]);
    expect(readdirSync(join(folder, 'mptcp-lab'))).toEqual([]);
    await expect.poll(() => running(inside), { timeout: 5000 }).toEqual([]);
    await expect(get('/')).rejects.toThrow();
  }, 150_000);

  it('says in one line that its port is taken, and makes no lab', async () => {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const { ended } = start(port);
    const { status, stdout, stderr } = await ended;
    server.close();
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toBe(
      `127.0.0.1:${port} is taken. Stop the other program or choose another with npm run demo -- --port\n`,
    );
  });

  it('says in one line which ports there are', async () => {
    const { status, stderr } = await start(65_536).ended;
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: .*--port.*65536.*expected a port from 1 to 65535\n$/);
  });

  it.skipIf(!nobodyReads)(
    'says in one line that it needs root (as another user, who can read this folder)',
    async () => {
      chmodSync(folder, 0o777);
      const { ended } = start(await freePort(), AS_NOBODY);
      const { status, stdout, stderr } = await ended;
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/^the demo cannot run here: needs root.*\n$/);
    },
  );
});
