import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { statusOf } from '../../../exporter/src/cli/status/model.ts';
import { statusText } from '../../../exporter/src/cli/status/words.ts';
import { type StatusOptions, status } from '../../../exporter/src/cli/status.ts';
import { table } from '../../../exporter/src/cli/table.ts';
import { parseExposition } from '../../../exporter/src/metrics/parse.ts';

const golden = (name: string): string => readFileSync(new URL(`../../golden/${name}.prom`, import.meta.url), 'utf8');
const NOW = 1_800_000_000;
const shown = (exposition: string) => statusText(statusOf(parseExposition(exposition)), 'here', NOW);

const TROUBLED = `
mptcp_exporter_build_info{version="1"} 1
mptcp_up 1
mptcp_enabled 1
mptcp_connections{state="established"} 1
mptcp_path_info{path="fibre",interface="eth0",address="10.0.0.2",access="ethernet",metered="",backup="false",endpoint_id=""} 1
mptcp_path_state{path="fibre",state="up"} 1
mptcp_path_state{path="fibre",state="stalled"} 0
mptcp_path_state{path="lte",state="stalled"} 1
mptcp_path_state_reason{path="lte",reason="no_acknowledgements"} 1
mptcp_path_state_reason{path="lte",reason="high_loss"} 0
mptcp_path_last_change_timestamp_seconds{path="lte"} ${NOW - 5}
mptcp_path_subflows{path="fibre",state="active"} 2
mptcp_path_subflows{path="fibre",state="idle"} 0
mptcp_path_send_throughput_bytes_per_second{path="fibre"} 1250000
`;

describe('status for a terminal', () => {
  it('shows paths, connections and subflows of a machine with traffic', () => {
    const text = shown(golden('netlink-client'));
    expect(text).toMatch(/^MPTCP is on: 6 connections over 3 paths, 1 fell back to plain TCP \(here\)\n/);
    expect(text).toMatch(/^PATH +STATE +SINCE +UP +DOWN +SENT +RECEIVED +SUBFLOWS$/m);
    expect(text).toMatch(/^eth0 .* 54\.4 Mbit\/s +68\.6 Mbit\/s +68\.0 MB +85\.8 MB {2}5 active, 2 idle$/m);
    expect(text).toMatch(/^lte0 .* 4 backup$/m);
    expect(text).toMatch(/^4df8fb90 +10\.77\.1\.2:7002 +4 +46\.2 MB +0 B$/m);
    expect(text).toMatch(/^SUBFLOW OF +PATH +LOCAL +REMOTE +ROLE +STATE +RTT +UP +DOWN$/m);
    expect(text).toMatch(/^9d713b97 +lte0 +10\.77\.3\.1:59541 +10\.77\.1\.2:7001 +join +backup/m);
  });

  it('shows of a path in trouble since when and why, in words, also when it is gone', () => {
    const text = shown(TROUBLED);
    expect(text).toMatch(/^PATH +INTERFACE +ACCESS +STATE +SINCE +UP +SUBFLOWS +WHY$/m);
    expect(text).toMatch(/^fibre +eth0 +ethernet +up +10\.0 Mbit\/s {2}2 active$/m);
    expect(text).toMatch(/^lte +stalled +\d\d:\d\d:\d\d +0 +no acknowledgements$/m);
  });

  it('shows what an out-of-tree kernel can tell', () => {
    expect(shown(golden('procfs-v0.91'))).toMatch(/^MPTCP is on: \d+ connections? over \d paths?/);
  });

  it.each([
    ['mptcp_up 0', /^MPTCP cannot be read: mptcp-exporter doctor says why \(here\)$/],
    ['mptcp_up 1\nmptcp_enabled 0', /^MPTCP is switched off: sysctl -w net\.mptcp\.enabled=1 \(here\)$/],
    ['mptcp_up 1\nmptcp_enabled 1', /^MPTCP is on: no connection uses it now \(here\)$/],
  ])('says in one line of %j what is the matter', (exposition, words) => {
    expect(shown(exposition)).toMatch(words);
  });

  it('shows twenty rows of a table, the busiest, and how many more there are', () => {
    const lines = Array.from({ length: 50 }, (_, index) => {
      const labels = `token="0000${1000 + index}",remote="10.0.0.1:1"`;
      return `mptcp_connection_subflows{${labels}} 1\nmptcp_connection_sent_bytes_total{${labels}} ${index}`;
    });
    const text = shown(`mptcp_up 1\n${lines.join('\n')}\nmptcp_subflow_series_hidden 7\n`);
    expect(text.match(/^0000\d+/gm)).toHaveLength(20);
    expect(text).toMatch(/^00001049 /m);
    expect(text).toMatch(/^and 30 more connections$/m);
  });
});

describe('a table', () => {
  it('is as wide as it needs, numbers at the right, and leaves out columns without any content', () => {
    const rows = [
      ['é', '', '1'],
      ['bcd', '', '10'],
    ];
    expect(table(['A', 'B', 'C'], rows, ['left', 'left', 'right'])).toBe('A     C\né     1\nbcd  10');
  });
});

describe('status', () => {
  const servers: ReturnType<typeof createServer>[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  /** Something that answers /metrics so. */
  async function exporter(answer: () => { readonly code: number; readonly body: string }): Promise<string> {
    const server = createServer((_, response) => {
      const { code, body } = answer();
      response.writeHead(code).end(body);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function run(url: string, options: Partial<StatusOptions> = {}) {
    let printed = '';
    const exitStatus = await status({
      json: false,
      watch: false,
      build: { version: '0', revision: 'test' },
      stop: new AbortController().signal,
      terminal: false,
      write: (text) => {
        printed += text;
      },
      url,
      ...options,
    });
    return { exitStatus, printed };
  }

  it('shows what the running exporter sees', async () => {
    const url = await exporter(() => ({ code: 200, body: TROUBLED }));
    const { exitStatus, printed } = await run(url);
    expect(exitStatus).toBe(0);
    expect(printed).toContain(`(the exporter at ${url})`);
    expect(printed).toMatch(/^lte +stalled/m);
  });

  it('prints JSON with everything in base units', async () => {
    const url = await exporter(() => ({ code: 200, body: TROUBLED }));
    const { from, timeSeconds, paths } = JSON.parse((await run(url, { json: true })).printed);
    expect(from).toBe(`the exporter at ${url}`);
    expect(Math.abs(timeSeconds - Date.now() / 1000)).toBeLessThan(5);
    expect(paths).toEqual([
      {
        name: 'fibre',
        interface: 'eth0',
        address: '10.0.0.2',
        access: 'ethernet',
        state: 'up',
        reasons: [],
        sendBytesPerSecond: 1_250_000,
        subflows: { active: 2 },
      },
      { name: 'lte', state: 'stalled', sinceSeconds: NOW - 5, reasons: ['no_acknowledgements'], subflows: {} },
    ]);
  });

  it('ends with 1 when MPTCP could not be read', async () => {
    const url = await exporter(() => ({ code: 200, body: '\nmptcp_exporter_build_info{version="1"} 1\nmptcp_up 0\n' }));
    expect(await run(url)).toEqual({
      exitStatus: 1,
      printed: `MPTCP cannot be read: mptcp-exporter doctor says why (the exporter at ${url})\n`,
    });
  });

  it.each([
    ['that wants a user', { code: 401, body: 'Unauthorized' }],
    ['of another kind', { code: 200, body: 'up 1\n' }],
  ])(
    'looks itself where there is only a program %s, and says so',
    async (_, answer) => {
      const url = await exporter(() => answer);
      const { printed } = await run(url);
      expect(printed).toMatch(
        /^MPTCP .*\(own look: what answers at http:\S+ shows no metrics of an mptcp-exporter \(HTTP \d+\)\)/,
      );
    },
    20_000,
  );

  it('looks again each second until it is told to stop, through an outage of the exporter', async () => {
    let count = 0;
    const stop = new AbortController();
    const url = await exporter(() => {
      count++;
      if (count === 4) stop.abort();
      return count === 3 ? { code: 503, body: '' } : { code: 200, body: TROUBLED };
    });
    const { exitStatus, printed } = await run(url, { watch: true, stop: stop.signal, terminal: true });
    expect(exitStatus).toBe(0);
    const screens = printed.split('\x1b[H\x1b[J').slice(1);
    expect(screens.map((screen) => screen.split(' ', 2).join(' '))).toEqual(['MPTCP is', 'what answers', 'MPTCP is']);
  }, 20_000);
});
