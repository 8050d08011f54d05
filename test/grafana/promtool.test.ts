import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { committedDashboards, queries } from '../support/dashboard.ts';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

/** The query `refId` of the panel called `title` of the dashboard in `file`, as Grafana would send it. */
function query(file: string, title: string, refId = 'A'): string {
  const dashboard = committedDashboards().get(file);
  const found = dashboard && queries(dashboard).find(({ panel, refId: id }) => panel === title && id === refId);
  if (!found) throw new Error(`no query ${refId} in panel ${title} of ${file}`);
  return found.expr;
}

interface Sample {
  readonly labels: string;
  readonly value: number;
}

describe.skipIf(!hasPromtool)("Prometheus' own view of the queries", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mptcp-promtool-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Fails with promtool's words unless `expr` gives exactly `samples` one minute into `series`, scraped every 5 s. */
  function evaluate(expr: string, series: Readonly<Record<string, string>>, samples: readonly Sample[]): void {
    const file = join(folder, 'test.yml');
    const input = Object.entries(series).map(([name, values]) => ({ series: name, values }));
    const promql = [{ expr, eval_time: '1m', exp_samples: samples }];
    writeFileSync(file, stringify({ tests: [{ interval: '5s', input_series: input, promql_expr_test: promql }] }));
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
    expect(status, `${stdout}${stderr}`).toBe(0);
  }

  it('accepts all of them, types and all', () => {
    const all = [...committedDashboards().values()].flatMap(queries);
    const rules = all.map(({ expr }, index) => ({ record: `query:${index}`, expr }));
    const file = join(folder, 'rules.yml');
    writeFileSync(file, stringify({ groups: [{ name: 'dashboards', rules }] }));
    expect(execFileSync('promtool', ['check', 'rules', file], { encoding: 'utf8' })).toContain(
      `${all.length} rules found`,
    );
  });

  it('tells apart a machine that is read, one whose kernel cannot be read, and one that is not scraped', () => {
    evaluate(
      query('stack-health.json', 'Exporter'),
      {
        'up{job="mptcp",instance="a"}': '1x20',
        'mptcp_up{job="mptcp",instance="a"}': '1x20',
        'up{job="mptcp",instance="b"}': '1x20',
        'mptcp_up{job="mptcp",instance="b"}': '0x20',
        'up{job="mptcp",instance="c"}': '0x20',
        'up{job="prometheus",instance="p"}': '1x20',
      },
      [
        { labels: 'mptcp_up{job="mptcp",instance="a"}', value: 1 },
        { labels: 'mptcp_up{job="mptcp",instance="b"}', value: 0 },
        { labels: '{job="mptcp",instance="c"}', value: -1 },
      ],
    );
  });

  it('keeps two machines with a path of one name apart, and gives an idle path no retransmission ratio', () => {
    const on = (instance: string, path: string): string => `{job="mptcp",instance="${instance}",path="${path}"}`;
    evaluate(
      query('overview.json', 'Retransmitted'),
      {
        [`mptcp_path_sent_bytes_total${on('a', 'lte')}`]: '0+1000x20',
        [`mptcp_path_retransmitted_bytes_total${on('a', 'lte')}`]: '0+250x20',
        [`mptcp_path_sent_bytes_total${on('b', 'lte')}`]: '0+1000x20',
        [`mptcp_path_retransmitted_bytes_total${on('b', 'lte')}`]: '0x20',
        [`mptcp_path_sent_bytes_total${on('b', 'idle')}`]: '5x20',
        [`mptcp_path_retransmitted_bytes_total${on('b', 'idle')}`]: '0x20',
      },
      [
        { labels: '{instance="a",path="lte"}', value: 0.25 },
        { labels: '{instance="b",path="lte"}', value: 0 },
      ],
    );
  });

  it('lists the busiest subflows with what is known of each, and leaves the rest out', () => {
    const series: Record<string, string> = {};
    const samples: Sample[] = [];
    for (let index = 0; index < 60; index += 1) {
      const labels = `job="mptcp",instance="a",path="p",token="0000000a",local="10.0.0.1:${index}",remote="10.0.0.2:1"`;
      series[`mptcp_subflow_send_throughput_bytes_per_second{${labels}}`] = `${index}x20`;
      series[`mptcp_subflow_receive_throughput_bytes_per_second{${labels}}`] = '0x20';
      series[`mptcp_subflow_rtt_seconds{${labels}}`] = '0.5x20';
      if (index >= 10) samples.push({ labels: `{${labels.replace('job="mptcp",', '')}}`, value: 0.5 });
    }
    evaluate(query('connections.json', 'Busiest subflows', 'E'), series, samples);
  });

  it('shares the bytes of both directions out over the paths', () => {
    evaluate(
      query('overview.json', 'Share per path'),
      {
        'mptcp_path_sent_bytes_total{job="mptcp",instance="a",path="eth0"}': '0+5000x20',
        'mptcp_path_received_bytes_total{job="mptcp",instance="a",path="eth0"}': '0+10000x20',
        'mptcp_path_sent_bytes_total{job="mptcp",instance="a",path="lte0"}': '0+5x20',
        'mptcp_path_received_bytes_total{job="mptcp",instance="a",path="lte0"}': '0x20',
      },
      [
        { labels: '{instance="a",path="eth0"}', value: 3000 },
        { labels: '{instance="a",path="lte0"}', value: 1 },
      ],
    );
  });
});
