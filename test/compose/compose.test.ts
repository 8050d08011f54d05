import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ValidationSeverity, validate } from 'dockerfile-utils';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { layOut } from '../../stack/components.ts';
import { DEFAULT_PORTS } from '../../stack/options.ts';

interface Bind {
  readonly source: string;
  readonly read_only: boolean;
}

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly user?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly (string | Bind)[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly security_opt?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly profiles?: readonly string[];
  readonly [key: string]: unknown;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');
const parsed = parse(read('docker-compose.yml'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(parsed.services);
const service = (name: string): Service => parsed.services[name] ?? {};
const dockerfile = read('exporter/Dockerfile');

const VARIANTS = [['docker-compose'], ['docker', 'compose']].filter(
  ([command = '', ...args]) => spawnSync(command, [...args, 'version']).status === 0,
);

/** A volume of Docker's, not a place on this machine. */
const NAMED = /^[a-z-]+$/;

const PROFILES = [...new Set(services.flatMap(([, { profiles = [] }]) => profiles))];

/** `docker-compose config -q` with .env.example as it is and only `password` in the environment. */
function config(
  variant: readonly string[],
  password?: string,
  profiles: readonly string[] = [],
): { status: number | null; stderr: string } {
  const [command = '', ...args] = variant;
  const { GRAFANA_ADMIN_PASSWORD: _, ...environment } = process.env;
  const { status, stderr } = spawnSync(command, [...args, '--env-file', '.env.example', 'config', '-q'], {
    cwd: ROOT,
    encoding: 'utf8',
    env: {
      ...environment,
      COMPOSE_PROFILES: profiles.join(','),
      ...(password !== undefined && { GRAFANA_ADMIN_PASSWORD: password }),
    },
  });
  return { status, stderr };
}

describe.skipIf(VARIANTS.length === 0).each(VARIANTS.map((variant) => [variant.join(' '), variant] as const))(
  '%s',
  (_, variant) => {
    it('accepts the file once there is a password', () => {
      expect(config(variant, 'secret')).toEqual({ status: 0, stderr: '' });
      expect(config(variant, 'secret', PROFILES)).toEqual({ status: 0, stderr: '' });
    }, 60_000);

    it.each([undefined, ''])(
      'says what to set when the password is %o',
      (password) => {
        const { status, stderr } = config(variant, password);
        expect(status).not.toBe(0);
        expect(stderr).toContain(
          'set GRAFANA_ADMIN_PASSWORD to the password you want for Grafana, in a file named .env',
        );
      },
      60_000,
    );
  },
);

/** A value as it is without a .env: the default of each variable. */

describe('docker-compose.yml', () => {
  it.each(services)('%s can do no more than it needs', (name, definition) => {
    expect(definition).toMatchObject({ read_only: true, cap_drop: ['ALL'], restart: 'unless-stopped' });
    expect(definition.privileged).toBeUndefined();
    expect(definition.cap_add ?? []).toEqual(name === 'exporter' ? ['NET_ADMIN'] : []);
    // The exporter's entrypoint sets it itself: entrypoint.test.ts.
    if (name !== 'exporter') expect(definition.security_opt).toEqual(['no-new-privileges:true']);
    expect(definition.user ?? 'image default').not.toMatch(/^(?:root|0)\b/);
  });

  it.each(services)('%s bounds its logs', (_, definition) => {
    expect(definition.logging).toMatchObject({ options: { 'max-size': '10m', 'max-file': '3' } });
  });

  it.each(services.filter(([, { image }]) => image !== undefined))(
    '%s runs a release that stays the same',
    (_, { image }) => {
      expect(image).toMatch(/^[a-z]+\/[a-z-]+:v?\d+\.\d+\.\d+$/);
    },
  );

  it.each(services)('%s is watched', (name, { healthcheck }) => {
    if (name === 'exporter') expect(dockerfile).toMatch(/^HEALTHCHECK [\s\S]*\/-\/healthy/m);
    else expect(healthcheck?.test[0]).toBe('CMD');
  });

  it('reaches the host and lets nobody else reach in', () => {
    for (const [, definition] of services) {
      expect(definition.network_mode).toBe('host');
      expect(definition.ports).toBeUndefined();
    }
    const listening = services.flatMap(([, { command = [] }]) =>
      command.filter((flag) => flag.startsWith('--web.listen-address=')),
    );
    expect(listening).toEqual([9090, 9093, 9100, 9095].map((port) => `--web.listen-address=127.0.0.1:${port}`));
    expect(service('alertmanager').command).toContain('--cluster.listen-address=');
    expect(service('grafana').environment).toMatchObject({
      GF_SERVER_HTTP_ADDR: '127.0.0.1',
      GF_AUTH_ANONYMOUS_ENABLED: 'false',
      GF_USERS_ALLOW_SIGN_UP: 'false',
    });
    expect(service('exporter').command).toBeUndefined();
  });

  it('mounts only what is there, read-only, and keeps what must survive in named volumes', () => {
    const volumes = services.flatMap(([, service]) => service.volumes ?? []);
    const mounts = volumes.flatMap((volume) => (typeof volume === 'string' ? [volume.split(':')] : []));
    const files = volumes.filter((volume) => typeof volume !== 'string');
    for (const { read_only } of files) expect(read_only).toBe(true);
    const sources = files.map(({ source }) => source);
    // Both are the user's, in a folder that git leaves alone; the first has a default that is shipped.
    expect(sources).toEqual([
      '$' + '{ALERTMANAGER_CONFIG:-./prometheus/alertmanager.yml}',
      './prometheus/secrets/remote.yml',
    ]);
    expect(read('.env.example')).toMatch(
      /^#ALERTMANAGER_CONFIG=\.\/prometheus\/secrets\/alerting\/alertmanager\.yml$/m,
    );
    for (const [source = '', , mode] of mounts.filter(([from]) => !NAMED.test(from ?? ''))) {
      expect(existsSync(resolve(ROOT, source)), source).toBe(true);
      expect(mode).toMatch(/^ro\b/);
    }
    const named = mounts.map(([source = '']) => source).filter((source) => NAMED.test(source));
    expect([...named].sort()).toEqual(Object.keys(parsed.volumes).sort());
  });

  it('runs exporter, Prometheus and Grafana, and more only by profiles that its head and .env.example explain', () => {
    const always = services.filter(([, { profiles }]) => profiles === undefined).map(([name]) => name);
    expect(always).toEqual(['exporter', 'prometheus', 'grafana']);
    for (const profile of PROFILES) {
      expect(read('docker-compose.yml')).toMatch(new RegExp(`^#   ${profile} {2,}\\S`, 'm'));
      expect(read('.env.example')).toMatch(new RegExp(`^#   ${profile} {2,}\\S`, 'm'));
    }
  });

  it('is the twin of npm run stack: the same Grafana, and samples kept as long', () => {
    const programs = { prometheus: ['prometheus'], alertmanager: ['alertmanager'], grafana: ['grafana'] } as const;
    const data = mkdtempSync(join(tmpdir(), 'mptcp-twin-'));
    const options = { data, ports: DEFAULT_PORTS, withLab: false, exporterFlags: [] };
    const [, prometheus, alertmanager, grafana] = layOut(options, programs, () => 'secret');
    rmSync(data, { recursive: true });
    const flagNames = (command: readonly string[] = []) =>
      command.filter((flag) => flag.startsWith('--')).map((flag) => flag.split('=')[0]);
    const kept = (command: readonly string[] = []) => command.filter((flag) => flag.includes('.retention.'));
    expect(flagNames(prometheus?.command).sort()).toEqual(flagNames(service('prometheus').command).sort());
    expect(kept(prometheus?.command)).toEqual(kept(service('prometheus').command));
    expect(flagNames(alertmanager?.command).sort()).toEqual(flagNames(service('alertmanager').command).sort());
    const { GF_SECURITY_ADMIN_PASSWORD: _, ...settings } = service('grafana').environment ?? {};
    const apart = /DASHBOARDS/;
    for (const [name, value] of Object.entries(settings)) {
      if (apart.test(name)) expect(Object.keys(grafana?.environment ?? {})).toContain(name);
      else expect(grafana?.environment?.[name], name).toBe(value);
    }
  });

  it('opens Grafana on a dashboard that exists', () => {
    const { MPTCP_DASHBOARDS: folder, GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: home } =
      service('grafana').environment ?? {};
    expect(service('grafana').volumes).toContain(`./grafana/dashboards:${folder}:ro`);
    expect(readdirSync(`${ROOT}grafana/dashboards`).map((name) => `${folder}/${name}`)).toContain(home);
    const { providers } = parse(read('grafana/provisioning/dashboards/mptcp.yml')) as {
      providers: { options: { path: string } }[];
    };
    expect(providers.map(({ options }) => options.path)).toEqual(['$' + '{MPTCP_DASHBOARDS}']);
  });

  it('lets Grafana find Prometheus under the name the dashboards start with', () => {
    const { datasources } = parse(read('grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: { uid: string; url: string; jsonData: { timeInterval: string } }[];
    };
    expect(datasources).toMatchObject([
      { uid: 'mptcp-prometheus', type: 'prometheus', url: 'http://127.0.0.1:9090', isDefault: true },
    ]);
    const { global } = parse(read('prometheus/prometheus.yml')) as { global: { scrape_interval: string } };
    expect(datasources[0]?.jsonData.timeInterval).toBe(global.scrape_interval);
  });

  it('offers the password it asks for in .env.example, empty', () => {
    expect(read('.env.example')).toMatch(/^GRAFANA_ADMIN_PASSWORD=$/m);
    expect(read('.gitignore')).toMatch(/^\.env$/m);
  });
});

describe('exporter/Dockerfile', () => {
  it('has nothing that a linter of Dockerfiles minds', () => {
    const settings = Object.fromEntries(
      [
        'deprecatedMaintainer',
        'directiveCasing',
        'emptyContinuationLine',
        'instructionCasing',
        'instructionWorkdirRelative',
      ].map((name) => [name, ValidationSeverity.ERROR]),
    );
    expect(validate(dockerfile, settings)).toEqual([]);
    expect(validate(`${dockerfile}\nRNU true\n`, settings)).not.toEqual([]);
  });

  it('builds and runs on one pinned release, and not as root', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    expect(new Set(bases).size).toBe(1);
    expect(bases[0]).toMatch(/^node:\d+\.\d+\.\d+-bookworm-slim$/);
    expect([...dockerfile.matchAll(/^USER (\S+)/gm)].map(([, user]) => user)).toEqual(['node']);
    expect(service('exporter').user).toBe('node');
  });

  it('copies only what .dockerignore lets through', () => {
    const allowed = [...read('.dockerignore').matchAll(/^!(\S+)/gm)].map(([, path = '']) => path);
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) =>
      paths.split(' '),
    );
    expect([...copied].sort()).toEqual([...allowed].sort());
    for (const path of copied) expect(existsSync(`${ROOT}${path}`), path).toBe(true);
  });
});
