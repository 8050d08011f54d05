import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { showConfiguration, withPorts } from '../../stack/configuration.ts';
import { LogFile } from '../../stack/log-file.ts';
import { DEFAULT_PORTS } from '../../stack/options.ts';
import { grafanaPassword } from '../../stack/password.ts';
import { findPrograms } from '../../stack/programs.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mptcp-stack-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (path: string, text = '') => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};
const read = (path: string) => readFileSync(join(folder, path), 'utf8');

describe('the configuration of a stack', () => {
  it('has other ports where the shipped one has the default ones, and nowhere else', () => {
    const change = withPorts({ ...DEFAULT_PORTS, prometheus: 19090, exporter: 9090 });
    expect(
      change("['127.0.0.1:9090', '127.0.0.1:10262', 'http://127.0.0.1:9093/', '127.0.0.1:90901', '127.0.0.11:9090']"),
    ).toBe("['127.0.0.1:19090', '127.0.0.1:9090', 'http://127.0.0.1:9093/', '127.0.0.1:90901', '127.0.0.11:9090']");
  });

  it('is the shipped folder itself as long as nothing changes', () => {
    write('shipped/prometheus.yml', 'targets: 127.0.0.1:9090');
    showConfiguration(join(folder, 'shipped'), join(folder, 'shown'), withPorts(DEFAULT_PORTS));
    expect(readlinkSync(join(folder, 'shown'))).toBe(join(folder, 'shipped'));
  });

  it('is a copy of the files that change, beside links to the rest, and anew each time', () => {
    write('shipped/prometheus.yml', 'targets: 127.0.0.1:9090');
    write('shipped/rules/paths.yml', 'groups: []');
    write('shipped/secrets/receivers.yml', '127.0.0.1:9090');
    const show = (prometheus: number) =>
      showConfiguration(join(folder, 'shipped'), join(folder, 'shown'), withPorts({ ...DEFAULT_PORTS, prometheus }));
    show(1111);
    show(2222);
    expect(read('shown/prometheus.yml')).toBe('targets: 127.0.0.1:2222');
    expect(read('shipped/prometheus.yml')).toBe('targets: 127.0.0.1:9090');
    expect(readlinkSync(join(folder, 'shown/rules'))).toBe(join(folder, 'shipped/rules'));
    expect(readlinkSync(join(folder, 'shown/secrets'))).toBe(join(folder, 'shipped/secrets'));
    expect(readlinkSync(join(folder, 'shown/secrets'))).toBe(join(folder, 'shipped/secrets'));
    show(DEFAULT_PORTS.prometheus);
    expect(lstatSync(join(folder, 'shown')).isSymbolicLink()).toBe(true);
  });
});

describe('the programs of a stack', () => {
  const program = (path: string) => {
    write(path, '#!/bin/sh\n');
    chmodSync(join(folder, path), 0o755);
    return join(folder, path);
  };
  const find = () => findPrograms(`${join(folder, 'none')}:${join(folder, 'bin')}`);

  it('are found by either of their names, and not when they cannot be run', () => {
    expect(find()).toEqual({});
    write('bin/prometheus');
    const alertmanager = program('bin/prometheus-alertmanager');
    expect(find()).toEqual({ alertmanager: [alertmanager] });
    const prometheus = program('bin/prometheus');
    expect(find()).toEqual({ prometheus: [prometheus], alertmanager: [alertmanager] });
  });

  it('are found in sbin too, where packages put Grafana for a root that the user is not', () => {
    const grafana = program('sbin/grafana');
    expect(find().grafana).toEqual([grafana, 'server']);
  });

  it('include the Grafana of a package past its wrapper, which keeps signals from it', () => {
    program('bin/grafana-server');
    const binary = program('share/grafana/bin/grafana');
    write('share/grafana/conf/defaults.ini');
    expect(find().grafana).toEqual([binary, 'server', `--homepath=${join(folder, 'share/grafana')}`]);
  });

  it('include the Grafana of an unpacked archive, by a link to it', () => {
    const binary = program('grafana-13.2.0/bin/grafana');
    write('grafana-13.2.0/conf/defaults.ini');
    mkdirSync(join(folder, 'bin'));
    symlinkSync(binary, join(folder, 'bin/grafana'));
    expect(find().grafana).toEqual([binary, 'server', `--homepath=${join(folder, 'grafana-13.2.0')}`]);
  });

  it('include the Grafana of before its one program, which takes no subcommand', () => {
    const server = program('bin/grafana-server');
    expect(find().grafana).toEqual([server]);
  });
});

describe("a stack's log", () => {
  it('has a greatest size, keeps as much of what was before, and begins anew with each start', () => {
    const file = join(folder, 'x.log');
    const log = new LogFile(file, 10_240);
    const chunk = `${'x'.repeat(1023)}\n`;
    for (let count = 0; count < 23; count++) log.append(chunk);
    expect(statSync(file).size).toBe(3 * 1024);
    expect(statSync(`${file}.old`).size).toBe(10 * 1024);
    log.append('one\ntwo\n');
    log.append('three\n');
    expect(log.last(2)).toEqual(['two', 'three']);
    const next = new LogFile(file);
    expect([next.last(2), readFileSync(file, 'utf8')]).toEqual([[''], '']);
    expect(readFileSync(`${file}.old`, 'utf8').slice(-6)).toBe('three\n');
  });
});

describe("Grafana's password", () => {
  const password = (environment: NodeJS.ProcessEnv = {}) =>
    grafanaPassword(environment, join(folder, '.env'), join(folder, 'own'));

  it('is the one of the environment, else of .env, else one of its own that stays and nobody else can read', () => {
    const own = password();
    expect(own.password).toMatch(/^[\w-]{24}$/);
    expect(password().password).toBe(own.password);
    expect(statSync(join(folder, 'own')).mode & 0o777).toBe(0o600);
    write('.env', '# comment\nGRAFANA_ADMIN_PASSWORD="of compose"\n');
    expect(password()).toEqual({ password: 'of compose', from: `the one in ${join(folder, '.env')}` });
    expect(password({ GRAFANA_ADMIN_PASSWORD: 'here' }).password).toBe('here');
    write('.env', 'GRAFANA_ADMIN_PASSWORD=\n');
    expect(password().password).toBe(own.password);
  });
});

describe('npm run setup', () => {
  const setup = () => {
    const args = ['--import', 'tsx', fileURLToPath(new URL('../../stack/setup.ts', import.meta.url)), folder];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    return { status, stdout, stderr };
  };

  it('writes .env.example with a random password in it, for its owner alone, and says what next', () => {
    const { status, stdout, stderr } = setup();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('docker compose up -d');
    expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600);
    const password = parseEnv(read('.env')).GRAFANA_ADMIN_PASSWORD ?? '';
    expect(password).toMatch(/^[\w-]{24}$/);
    expect(stdout).not.toContain(password);
    const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
    expect(read('.env').replace(password, '')).toBe(example);
  }, 20_000);

  it.each([
    ['GRAFANA_ADMIN_PASSWORD=mine\n', 0],
    ['# nothing yet\n', 1],
  ])(
    'leaves a .env of %j as it is and ends with %i',
    (text, status) => {
      write('.env', text);
      const result = setup();
      expect(result.status).toBe(status);
      expect(result.stdout + result.stderr).toContain('left as it is');
      expect(result.stderr).toMatch(status === 0 ? /^$/ : /GRAFANA_ADMIN_PASSWORD/);
      expect(read('.env')).toBe(text);
    },
    20_000,
  );
});
