import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const FILE = fileURLToPath(new URL('../../prometheus/prometheus.yml', import.meta.url));
const able = spawnSync('promtool', ['--version']).status === 0;

/** Of a file that the user makes when there is something to put in. */
const NOT_YET = /^ *WARNING: file "\S+\/targets\/node\.yml" .* does not exist\n/m;

interface Job {
  readonly job_name: string;
  readonly static_configs: readonly { readonly targets: readonly string[]; readonly labels?: Record<string, string> }[];
}
const config = parse(readFileSync(FILE, 'utf8')) as {
  global: { scrape_interval: string; scrape_timeout: string };
  rule_files: readonly string[];
  alerting: { alertmanagers: readonly { static_configs: readonly { targets: readonly string[] }[] }[] };
  scrape_configs: readonly Job[];
};

describe('prometheus.yml', () => {
  it.skipIf(!able)(
    'is a configuration that this Prometheus takes, warnings included',
    () => {
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'config', FILE], { encoding: 'utf8' });
      expect(status, `${stdout}${stderr}`).toBe(0);
      expect(`${stdout}${stderr}`.replace(NOT_YET, '')).not.toMatch(/warning/i);
    },
    30_000,
  );

  it('scrapes the exporter where it listens by default, every 5 s, and gives up before the next', () => {
    expect(config.global).toMatchObject({ scrape_interval: '5s', scrape_timeout: '4s' });
    expect(config.scrape_configs.find(({ job_name }) => job_name === 'mptcp')?.static_configs).toEqual([
      { targets: ['127.0.0.1:10262'], labels: { instance: 'local' } },
    ]);
  });

  it('takes all rules, from beside itself, and sends alerts to where Alertmanager listens', () => {
    expect(config.rule_files).toEqual(['rules/*.yml']);
    const targets = config.alerting.alertmanagers.flatMap(({ static_configs }) => static_configs);
    expect(targets).toEqual([{ targets: ['127.0.0.1:9093'] }]);
  });

  it('scrapes node_exporter once the example is copied to where it looks', () => {
    const node = config.scrape_configs.find(({ job_name }) => job_name === 'node');
    expect(node).toMatchObject({ file_sd_configs: [{ files: ['targets/node.yml'] }] });
    const [entry] = parse(readFileSync(join(dirname(FILE), 'targets/node.example.yml'), 'utf8')) as [
      { targets: string[] },
    ];
    expect(entry.targets).toEqual(['127.0.0.1:9100']);
  });

  it.each([
    ['itself', 'prometheus', '127.0.0.1:9090'],
    ['Alertmanager, where it listens', 'alertmanager', '127.0.0.1:9093'],
  ])('scrapes %s', (_, job, address) => {
    const found = config.scrape_configs.find(({ job_name }) => job_name === job);
    expect(found?.static_configs.flatMap(({ targets }) => targets)).toEqual([address]);
  });
});

describe('remote.example.yml', () => {
  const EXAMPLE = join(dirname(FILE), 'remote.example.yml');

  it.skipIf(!able)(
    'is a configuration that a Prometheus agent takes, with the commented password too',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'mptcp-remote-'));
      const filled = readFileSync(EXAMPLE, 'utf8').replaceAll(
        /^(\s+)# (basic_auth:| {2}(?:username|password):)/gm,
        '$1$2',
      );
      expect(filled).toMatch(/^ {4}basic_auth:\n {6}username: home\n {6}password: the-password$/m);
      writeFileSync(join(folder, 'remote.yml'), filled);
      for (const file of [EXAMPLE, join(folder, 'remote.yml')]) {
        const { status, stdout, stderr } = spawnSync('promtool', ['check', 'config', '--agent', file], {
          encoding: 'utf8',
        });
        expect(status, `${stdout}${stderr}`).toBe(0);
        expect(`${stdout}${stderr}`).not.toMatch(/warning/i);
      }
      rmSync(folder, { recursive: true });
    },
    30_000,
  );

  it('scrapes the exporter as prometheus.yml does', () => {
    const { scrape_configs } = parse(readFileSync(EXAMPLE, 'utf8')) as typeof config;
    const [{ static_configs } = { static_configs: [] }] = scrape_configs;
    expect(static_configs).toEqual(config.scrape_configs.find(({ job_name }) => job_name === 'mptcp')?.static_configs);
  });
});
