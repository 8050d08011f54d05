import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { nodeProgram } from '../lab/node-program.ts';
import { sweepLeftovers } from '../lab/registry.ts';
import { describeLive } from '../lab/vitest.ts';
import { freePort } from '../support/free-port.ts';

// The programs are Debian's, on loopback, with ports of their own, so that two runs do not meet. Debian has no Grafana: that
// case is real, and where a Grafana is wanted, test/support/fake-grafana.mjs stands in for its start.

const STACK = new URL('../../stack/main.ts', import.meta.url);
const FAKE_GRAFANA = fileURLToPath(new URL('../support/fake-grafana.mjs', import.meta.url));
const PROGRAMS = ['prometheus', 'prometheus-alertmanager'] as const;

const lacking = PROGRAMS.filter((program) => spawnSync(program, ['--version']).status !== 0);
const unavailable =
  lacking.length === 0 ? undefined : `needs ${lacking.join(' and ')} (on Debian: apt-get install ${lacking.join(' ')})`;

const which = (program: string): string =>
  spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();

/** The processes of a group that still run. */
function groupOf(pid: number): string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      const [state, , group] = readFileSync(`/proc/${name}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
      return state !== 'Z' && group === String(pid);
    } catch {
      // No process, or gone.
      return false;
    }
  });
}

const PROMETHEUS_FILES = fileURLToPath(new URL('../../prometheus/', import.meta.url));

/** The names of all recording rules and alerts in prometheus/rules, sorted. */
function shippedRules(): string[] {
  const folder = join(PROMETHEUS_FILES, 'rules');
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith('.yml'));
  const groups = files.flatMap(
    (name) =>
      (
        parse(readFileSync(join(folder, name), 'utf8')) as {
          groups: { rules: { record?: string; alert?: string }[] }[];
        }
      ).groups,
  );
  return groups.flatMap(({ rules }) => rules.map(({ record, alert }) => record ?? alert ?? '')).sort();
}

/** The addresses of Alertmanagers that prometheus.yml names. */
function shippedAlertmanagers(): string[] {
  const { alerting } = parse(readFileSync(join(PROMETHEUS_FILES, 'prometheus.yml'), 'utf8')) as {
    alerting?: { alertmanagers: { static_configs: { targets: string[] }[] }[] };
  };
  return (alerting?.alertmanagers ?? []).flatMap(({ static_configs }) =>
    static_configs.flatMap(({ targets }) => targets),
  );
}

let folder: string;
let child: ChildProcess | undefined;
let printed: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mptcp-stack-'));
  for (const name of ['bin', 'tmp']) mkdirSync(join(folder, name));
  printed = '';
});
afterEach(() => {
  if (child !== undefined && groupOf(child.pid ?? 0).length > 0) process.kill(-(child.pid ?? 0), 'SIGKILL');
  sweepLeftovers();
  rmSync(folder, { recursive: true, force: true });
});

const data = () => join(folder, 'data');

interface Started {
  readonly pid: number;
  readonly urls: Readonly<Record<'exporter' | 'prometheus' | 'alertmanager' | 'grafana', string>>;
  readonly ended: Promise<{ status: number | null; stderr: string }>;
}

/** Starts the stack as npm and a terminal do, in a process group of its own, with only these programs on PATH, and free ports. */
async function start(
  programs: readonly string[],
  flags: readonly string[] = [],
  path: readonly string[] = [],
): Promise<Started> {
  for (const program of programs) symlinkSync(which(program), join(folder, 'bin', program));
  const parts = ['exporter', 'prometheus', 'alertmanager', 'grafana'] as const;
  const ports = await Promise.all(parts.map(async (part) => [part, await freePort()] as const));
  const [program, ...args] = [
    ...nodeProgram(STACK),
    `--data=${data()}`,
    ...ports.map(([part, port]) => `--${part}-port=${port}`),
    ...flags,
  ];
  const { GRAFANA_ADMIN_PASSWORD: _, ...environment } = process.env;
  const started = spawn(program, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...environment,
      PATH: [join(folder, 'bin'), ...path].join(':'),
      TMPDIR: join(folder, 'tmp'),
      TSX_DISABLE_CACHE: '1',
    },
  });
  child = started;
  let stderr = '';
  started.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  started.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return {
    pid: started.pid ?? 0,
    urls: Object.fromEntries(ports.map(([part, port]) => [part, `http://127.0.0.1:${port}`])) as Started['urls'],
    ended: once(started, 'close').then(([status]) => ({ status, stderr })),
  };
}

/** Waits until the stack says that it is up, or has ended. */
async function up({ ended }: Started, timeout = 60_000): Promise<void> {
  let end: unknown;
  void ended.then((how) => {
    end = how;
  });
  await expect.poll(() => end !== undefined || printed.includes('Ctrl-C stops all'), { timeout }).toBe(true);
  expect(end).toBeUndefined();
}

/** Nothing runs and nothing lies about but the data. */
async function expectNothingLeft(pid: number, outside: readonly string[] = []): Promise<void> {
  expect(groupOf(pid)).toEqual([]);
  expect(readdirSync(folder).sort()).toEqual(['bin', 'data', 'tmp']);
  expect(readdirSync(join(folder, 'tmp')).filter((name) => !outside.includes(name))).toEqual([]);
}

async function query<T>(url: string, path: string): Promise<T> {
  return ((await (await fetch(`${url}/api/v1/${path}`)).json()) as { data: T }).data;
}

describe('npm run stack', () => {
  it('says in one line how to get Prometheus when there is none, and starts nothing', async () => {
    const { pid, ended } = await start([]);
    const { status, stderr } = await ended;
    expect({ status, printed }).toEqual({ status: 2, printed: '' });
    expect(stderr).toMatch(/^Prometheus is not on PATH, .*apt-get install prometheus.*\n$/);
    expect(groupOf(pid)).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(['bin', 'tmp']);
  });

  it('says in one line which flag is wrong', async () => {
    const { status, stderr } = await (await start([], ['--dta=x'])).ended;
    expect(status).toBe(2);
    expect(stderr).toMatch(/^unknown option '--dta=x'.*\n$/);
  });
});

describeLive(
  'npm run stack with the programs of Debian',
  () => {
    it('comes up without Grafana, says how to get it, and leaves nothing behind after Ctrl-C', async () => {
      const stack = await start(PROGRAMS);
      await up(stack);
      const { exporter, prometheus, alertmanager, grafana } = stack.urls;
      for (const url of [exporter, prometheus, alertmanager]) expect(printed).toContain(url);
      expect(printed).not.toContain(grafana);
      expect(printed).toMatch(/^without Grafana, which is not on PATH: .*https:\/\/grafana\.com\//m);

      // The shipped configuration, at these ports: the exporter is scraped, the rules are loaded, alerts have where to go.
      const targets = () =>
        query<{ activeTargets: { scrapeUrl: string; health: string }[] }>(prometheus, 'targets?state=active');
      await expect
        .poll(
          async () => (await targets()).activeTargets.map(({ scrapeUrl, health }) => `${health} ${scrapeUrl}`).sort(),
          {
            timeout: 30_000,
            interval: 500,
          },
        )
        .toEqual(expect.arrayContaining([`up ${exporter}/metrics`, `up ${prometheus}/metrics`]));
      const { groups } = await query<{ groups: { rules: { name: string }[] }[] }>(prometheus, 'rules');
      expect(groups.flatMap(({ rules }) => rules.map(({ name }) => name)).sort()).toEqual(shippedRules());
      const { activeAlertmanagers } = await query<{ activeAlertmanagers: { url: string }[] }>(
        prometheus,
        'alertmanagers',
      );
      expect(activeAlertmanagers.map(({ url }) => url)).toEqual(
        shippedAlertmanagers().map(() => `${alertmanager}/api/v2/alerts`),
      );

      expect(groupOf(stack.pid).length).toBeGreaterThanOrEqual(4);
      process.kill(-stack.pid, 'SIGINT');
      expect(await stack.ended).toEqual({ status: 0, stderr: '' });
      await expectNothingLeft(stack.pid);
      for (const url of [exporter, prometheus, alertmanager]) await expect(fetch(url)).rejects.toThrow();
    }, 90_000);

    it('goes on without Alertmanager, and ends them all when only it is told to', async () => {
      const stack = await start(['prometheus']);
      await up(stack);
      expect(printed).toMatch(/^without Alertmanager, which is not on PATH: apt-get install prometheus-alertmanager/m);
      process.kill(stack.pid, 'SIGTERM');
      expect(await stack.ended).toEqual({ status: 0, stderr: '' });
      await expectNothingLeft(stack.pid);
    }, 60_000);

    it('starts Grafana on our dashboards with its data here, and ends the rest when it dies, with its last words', async () => {
      copyFileSync(FAKE_GRAFANA, join(folder, 'bin/grafana'));
      chmodSync(join(folder, 'bin/grafana'), 0o755);
      symlinkSync(process.execPath, join(folder, 'bin/node'));
      const stack = await start(['prometheus'], [], ['/usr/bin']);
      await up(stack);
      expect(printed).toMatch(/^Grafana +http:\S+ +dashboards; user admin, password at the first start the one in /m);
      const { args, settings } = JSON.parse(readFileSync(join(data(), 'grafana.json'), 'utf8'));
      expect(args).toEqual(['server', `--config=${data()}/grafana.ini`]);
      expect(settings).toMatchObject({
        GF_SERVER_HTTP_ADDR: '127.0.0.1',
        GF_PATHS_DATA: `${data()}/grafana`,
        GF_PATHS_PROVISIONING: `${data()}/grafana-provisioning`,
      });
      const source = readFileSync(`${settings.GF_PATHS_PROVISIONING}/datasources/prometheus.yml`, 'utf8');
      expect(source).toContain(`url: ${stack.urls.prometheus}`);
      expect(readdirSync(settings.MPTCP_DASHBOARDS)).toContain('overview.json');

      await fetch(`${stack.urls.grafana}/die`).catch(() => undefined);
      const { status, stderr } = await stack.ended;
      expect(status).toBe(1);
      expect(stderr).toMatch(
        /^Grafana ended by itself \(exit status 3\):\n {2}level=error msg="the database is on fire"\n/,
      );
      expect(stderr).toContain(`${data()}/logs/grafana.log`);
      await expectNothingLeft(stack.pid);
    }, 60_000);

    it('says why one did not start, and ends what had started', async () => {
      const stack = await start(['prometheus'], ['--', '--subflow.limit=many']);
      const { status, stderr } = await stack.ended;
      expect(status).toBe(1);
      expect(stderr).toMatch(
        /^the exporter ended before it was ready \(exit status 2\):\n {2}mptcp-exporter: --subflow\.limit/,
      );
      await expectNothingLeft(stack.pid);
    }, 60_000);

    it('says in one line which port is taken and starts nothing', async () => {
      const server = createServer();
      const port = await freePort();
      await once(server.listen(port, '127.0.0.1'), 'listening');
      const { status, stderr } = await (await start(['prometheus'], [`--prometheus-port=${port}`])).ended;
      server.close();
      expect({ status, printed }).toEqual({ status: 2, printed: '' });
      expect(stderr).toMatch(
        new RegExp(`^127\\.0\\.0\\.1:${port}, for Prometheus, is taken\\. .*--prometheus-port\\n$`),
      );
    });

    it('runs on the links of the lab when asked to, and takes that down too', async () => {
      const stack = await start([], ['--with-lab'], (process.env.PATH ?? '').split(':'));
      await up(stack, 90_000);
      await expect
        .poll(() => query(stack.urls.prometheus, `query?${new URLSearchParams({ query: 'mptcp_path_up' })}`), {
          timeout: 30_000,
          interval: 500,
        })
        .toMatchObject({
          result: ['fibre', 'lte', 'wifi'].map((path) =>
            expect.objectContaining({ metric: expect.objectContaining({ path }) }),
          ),
        });
      process.kill(-stack.pid, 'SIGINT');
      expect(await stack.ended).toEqual({ status: 0, stderr: '' });
      await expectNothingLeft(stack.pid, ['mptcp-lab']);
      expect(readdirSync(join(folder, 'tmp/mptcp-lab'))).toEqual([]);
    }, 150_000);
  },
  unavailable,
);
