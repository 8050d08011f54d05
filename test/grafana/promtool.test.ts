import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { PATH_STATES, REASONS } from '../../exporter/src/mptcp/health/states.ts';
import { annotationQueries, committedDashboards, queries } from '../support/dashboard.ts';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

/** The query `refId` of the panel called `title` of the dashboard in `file`, as Grafana would send it. */
function query(file: string, title: string, refId = 'A'): string {
  const dashboard = committedDashboards().get(file);
  const found = dashboard && queries(dashboard).find(({ panel, refId: id }) => panel === title && id === refId);
  if (!found) throw new Error(`no query ${refId} in panel ${title} of ${file}`);
  return found.expr;
}

/** The query of the annotation called `name`, which is the same on all dashboards. */
function annotation(name: string): string {
  const dashboard = committedDashboards().get('overview.json');
  const found = dashboard && annotationQueries(dashboard).find(({ panel }) => panel === name);
  if (!found) throw new Error(`no annotation ${name}`);
  return found.expr;
}

interface Sample {
  readonly labels: string;
  readonly value: number;
}

describe.skipIf(!hasPromtool)("Prometheus' own view of the queries", { timeout: 60_000 }, () => {
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
    const all = [...committedDashboards().values()].flatMap((dashboard) => queries(dashboard));
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

  it('says of each machine the worst that holds: reached, read, paths left, redundancy, quality', () => {
    const series: Record<string, string> = {};
    const machine = (instance: string, read: number, ...states: readonly string[]): void => {
      const on = `job="mptcp",instance="${instance}"`;
      series[`up{${on}}`] = '1x20';
      series[`mptcp_up{${on}}`] = `${read}x20`;
      states.forEach((state, index) => {
        const dead = ['down', 'stalled', 'missing'].includes(state);
        series[`mptcp_path_up{${on},path="p${index}"}`] = `${dead ? 0 : 1}x20`;
        series[`mptcp_path_state{${on},path="p${index}",state="degraded"}`] = `${state === 'degraded' ? 1 : 0}x20`;
      });
    };
    series['up{job="mptcp",instance="unreached"}'] = '0x20';
    machine('unread', 0, 'up');
    machine('dead', 1, 'down', 'stalled');
    machine('last', 1, 'down', 'up');
    machine('fewer', 1, 'down', 'up', 'degraded');
    machine('poor', 1, 'up', 'degraded');
    machine('well', 1, 'up', 'unused');
    machine('single', 1, 'up');
    const verdicts = { unreached: -2, unread: -1, dead: 0, last: 1, fewer: 2, poor: 3, well: 4, single: 4 };
    evaluate(
      query('overview.json', 'Internet'),
      series,
      Object.entries(verdicts).map(([instance, value]) => ({ labels: `{instance="${instance}"}`, value })),
    );
  });

  it('gives a path one number for its state and one for the reason nearest to the cause', () => {
    const on = 'job="mptcp",instance="a",path="lte"';
    const series: Record<string, string> = {};
    for (const state of PATH_STATES) {
      series[`mptcp_path_state{${on},state="${state}"}`] = `${state === 'stalled' ? 1 : 0}x20`;
    }
    for (const reason of REASONS) {
      const stands = ['high_loss', 'no_acknowledgements'].includes(reason);
      series[`mptcp_path_state_reason{${on},reason="${reason}"}`] = `${stands ? 1 : 0}x20`;
    }
    evaluate(query('path.json', 'State'), series, [{ labels: '{instance="a",path="lte"}', value: 5 }]);
    evaluate(query('path.json', 'Reason'), series, [{ labels: '{instance="a",path="lte"}', value: 10 }]);
  });

  it('counts no alerts where rules are loaded and none fires, and nothing where no rules are loaded', () => {
    const watchdog = 'ALERTS{alertname="Watchdog",alertstate="firing",severity="info"}';
    const [alerts, firing] = [query('overview.json', 'Alerts'), 'ALERTS{alertstate="firing",instance="a"'];
    evaluate(alerts, { [watchdog]: '1x20' }, [{ labels: '{}', value: 0 }]);
    evaluate(
      alerts,
      { [watchdog]: '1x20', [`${firing},alertname="X",path="p"}`]: '1x20', [`${firing},alertname="Y"}`]: '1x20' },
      [{ labels: '{}', value: 2 }],
    );
    evaluate(alerts, { 'up{job="mptcp",instance="a"}': '1x20' }, []);
  });

  it('lists what fires with when it began, and neither Watchdog nor what only may fire soon', () => {
    const alert = (name: string, state: string, labels: string): Record<string, string> => ({
      [`ALERTS{alertname="${name}",alertstate="${state}",${labels}}`]: '1x20',
      [`ALERTS_FOR_STATE{alertname="${name}",${labels}}`]: '30x20',
    });
    evaluate(
      query('overview.json', 'Active alerts'),
      {
        ...alert('MptcpPathStalled', 'firing', 'severity="warning",job="mptcp",instance="a",path="lte",reason="x"'),
        ...alert('MptcpPathDown', 'pending', 'severity="warning",job="mptcp",instance="a",path="dsl"'),
        ...alert('MptcpExporterDown', 'firing', 'severity="critical"'),
        ...alert('Watchdog', 'firing', 'severity="info"'),
      },
      [
        { labels: '{alertname="MptcpPathStalled",severity="warning",instance="a",path="lte"}', value: 30_000 },
        { labels: '{alertname="MptcpExporterDown",severity="critical"}', value: 30_000 },
      ],
    );
  });

  it('divides the time that subflows were busy into what they waited for', () => {
    const on = '{job="mptcp",instance="a",path="p",token="1",local="l",remote="r"}';
    const series = {
      [`mptcp_subflow_busy_seconds_total${on}`]: '0+5x20',
      [`mptcp_subflow_receive_window_limited_seconds_total${on}`]: '0+1.25x20',
      [`mptcp_subflow_send_buffer_limited_seconds_total${on}`]: '0x20',
    };
    for (const [refId, value] of Object.entries({ A: 0.75, B: 0.25, C: 0 })) {
      evaluate(query('path.json', 'What limited sending on $path', refId), series, [{ labels: '{}', value }]);
    }
  });

  it('finds the interfaces of a path that has two', () => {
    const on = 'job="mptcp",instance="a"';
    evaluate(
      query('path.json', 'Carrier'),
      {
        [`mptcp_path_info{${on},path="p",interface="eth0,eth1"}`]: '1x20',
        [`mptcp_path_info{${on},path="q",interface="wlan0"}`]: '1x20',
        [`mptcp_interface_carrier{${on},interface="eth0"}`]: '1x20',
        [`mptcp_interface_carrier{${on},interface="eth1"}`]: '0x20',
        [`mptcp_interface_carrier{${on},interface="wlan0"}`]: '1x20',
        [`mptcp_interface_carrier{${on},interface="docker0"}`]: '1x20',
      },
      [
        { labels: '{instance="a",interface="eth0"}', value: 1 },
        { labels: '{instance="a",interface="eth1"}', value: 0 },
        { labels: '{instance="a",interface="wlan0"}', value: 1 },
      ],
    );
  });

  it('names sizes of files as people do, and each path as every chart does', () => {
    const on = 'job="mptcp",instance="a",direction="down",protocol="http",target="t"';
    const series: Record<string, string> = {};
    const sizes = { '16000': '16 kB', '50000000': '50 MB', '1000': '1 kB', '16384': '16384 B' };
    Object.keys(sizes).forEach((size, index) => {
      series[`mptcp_probe_transfer_duration_seconds{${on},path="lte",size="${size}"}`] = `${index + 1}x20`;
    });
    evaluate(
      query('thesis.json', 'Download'),
      series,
      Object.values(sizes).map((size, index) => ({
        labels: `{instance="a",path="lte",series="lte on a",size="${size}"}`,
        value: index + 1,
      })),
    );
  });

  it('credits each scheduler with what was measured while it was in use', () => {
    const on = 'job="mptcp",instance="a"';
    evaluate(
      query('thesis.json', 'Benefit by scheduler'),
      {
        [`mptcp_aggregation_benefit_ratio{${on},direction="up",target="t"}`]: '0x5 1x15',
        [`mptcp_scheduler_info{${on},scheduler="default"}`]: '1x5 stale',
        [`mptcp_scheduler_info{${on},scheduler="burst"}`]: '_x6 1x15',
      },
      [
        { labels: '{instance="a",direction="up",scheduler="default"}', value: 0 },
        { labels: '{instance="a",direction="up",scheduler="burst"}', value: 1 },
      ],
    );
  });

  it('marks when a path changed, with the reason, and not that it has been well since the start', () => {
    const on = (path: string) => `job="mptcp",instance="a",path="${path}"`;
    const series = {
      'process_start_time_seconds{job="mptcp",instance="a"}': '-100x20',
      [`mptcp_path_last_change_timestamp_seconds{${on('lte')}}`]: '40x20',
      [`mptcp_path_state{${on('lte')},state="stalled"}`]: '1x20',
      [`mptcp_path_state{${on('lte')},state="up"}`]: '0x20',
      [`mptcp_path_state_reason{${on('lte')},reason="no_acknowledgements"}`]: '1x20',
      [`mptcp_path_last_change_timestamp_seconds{${on('dsl')}}`]: '-100x20',
      [`mptcp_path_state{${on('dsl')},state="up"}`]: '1x20',
      [`mptcp_path_last_change_timestamp_seconds{${on('wlan')}}`]: '50x20',
      [`mptcp_path_state{${on('wlan')},state="up"}`]: '1x20',
      [`mptcp_path_state_reason{${on('wlan')},reason="high_rtt"}`]: '0x20',
    };
    evaluate(annotation('Path in trouble'), series, [
      { labels: '{instance="a",path="lte",state="stalled",reason="no_acknowledgements"}', value: 40_000 },
    ]);
    evaluate(annotation('Path well'), series, [{ labels: '{instance="a",path="wlan",state="up"}', value: 50_000 }]);
  });

  it('marks a change of scheduler once, and not that the exporter has started', () => {
    const series = (instance: string, read: string): Record<string, string> => ({
      [`mptcp_up{job="mptcp",instance="${instance}"}`]: read,
      [`mptcp_scheduler_info{job="mptcp",instance="${instance}",scheduler="burst"}`]: '_x12 1x8',
    });
    evaluate(annotation('Scheduler changed'), { ...series('a', '1x20'), ...series('started', '_x12 1x8') }, [
      { labels: '{instance="a",scheduler="burst"}', value: 1 },
    ]);
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
