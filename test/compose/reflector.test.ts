import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FILE = 'docker-compose.reflector.yml';
const { services } = parse(readFileSync(`${ROOT}${FILE}`, 'utf8'), { merge: true }) as {
  services: Record<string, Readonly<Record<string, unknown>>>;
};
const originals = readFileSync(`${ROOT}exporter/originals.Dockerfile`, 'utf8');

const VARIANTS = [['docker-compose'], ['docker', 'compose']].filter(
  ([command = '', ...args]) => spawnSync(command, [...args, 'version']).status === 0,
);

describe.skipIf(VARIANTS.length === 0).each(VARIANTS.map((variant) => [variant.join(' '), variant] as const))(
  '%s',
  (_, [command = '', ...args]) => {
    it('accepts the file without anything to set', { timeout: 60_000 }, () => {
      const { status, stderr } = spawnSync(command, [...args, '-f', FILE, '--profile', 'originals', 'config', '-q'], {
        cwd: ROOT,
        encoding: 'utf8',
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    });
  },
);

describe(FILE, () => {
  it.each(Object.entries(services))(
    '%s can do no more than it needs, is watched, and bounds its logs',
    (_, service) => {
      expect(service).toMatchObject({
        user: 'node',
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        network_mode: 'host',
        logging: { options: { 'max-size': '10m', 'max-file': '3' } },
        healthcheck: { test: expect.arrayContaining(['CMD']) },
      });
      for (const key of ['privileged', 'cap_add', 'ports']) expect(service[key]).toBeUndefined();
    },
  );

  it('starts the reflector with a token, and what knows none only when asked for, on the loopback', () => {
    expect(services.reflector?.command).toContain('--reflector.token-file=/run/secrets/reflector-token');
    expect(services.reflector?.profiles).toBeUndefined();
    for (const name of ['iperf3', 'vsftpd']) {
      expect(services[name]?.profiles).toEqual(['originals']);
      expect(String(services[name]?.command)).toContain('$' + '{ORIGINALS_ADDRESS:-127.0.0.1}');
    }
  });

  it('builds the originals on the base of the exporter', () => {
    const base = /^FROM (\S+)/m.exec(readFileSync(`${ROOT}exporter/Dockerfile`, 'utf8'))?.[1];
    expect(/^FROM (\S+)/m.exec(originals)?.[1]).toBe(base);
    expect(originals).toMatch(/^USER node$/m);
  });
});
