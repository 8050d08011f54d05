import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const FILE = fileURLToPath(new URL('../../prometheus/prometheus.yml', import.meta.url));
const able = spawnSync('promtool', ['--version']).status === 0;

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
  it.skipIf(!able)('is a configuration that this Prometheus takes, warnings included', () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'config', FILE], { encoding: 'utf8' });
    expect(status, `${stdout}${stderr}`).toBe(0);
    expect(`${stdout}${stderr}`).not.toMatch(/warning/i);
  });

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

  it('scrapes itself', () => {
    const own = config.scrape_configs.find(({ job_name }) => job_name === 'prometheus');
    expect(own?.static_configs.flatMap(({ targets }) => targets)).toEqual(['127.0.0.1:9090']);
  });
});
