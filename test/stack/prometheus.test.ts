import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask } from '../http/client.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import type { Traffic, TrafficOptions } from '../lab/traffic/traffic.ts';
import { openTunnel, type Tunnel } from '../lab/tunnel/tunnel.ts';
import { describeLive } from '../lab/vitest.ts';
import { type RunningExporter, startExporter } from '../support/exporter.ts';
import { parseExposition } from '../support/exposition.ts';
import { type Prometheus, prometheusUnavailable, type Series, startPrometheus } from '../support/prometheus.ts';

/** Where prometheus.yml looks for the exporter, and where the exporter listens by default. */
const ADDRESS = '127.0.0.1:10262';
const PORT = 10262;

/** Slow enough for one connection to fill them all without filling the machine. */
const UP_MBIT: Readonly<Record<string, number>> = { eth0: 20, wlan0: 15, wwan0: 6 };

const STANDING: readonly TrafficOptions[] = [
  { bytes: 'unlimited' },
  { bytes: 'unlimited', direction: 'down', family: 6, rateMbit: 5, connections: 2 },
  { bytes: 'unlimited', direction: 'both', dualStackListener: true, rateMbit: 2 },
  { bytes: 1, hold: true, connections: 3 },
  { bytes: 'unlimited', server: 'tcp', rateMbit: 0.5 },
];

const finite = (series: readonly Series[]) => series.flatMap(({ values }) => values).filter(Number.isFinite);

describeLive(
  'a real Prometheus with the shipped configuration, over three links with traffic',
  () => {
    let lab: Lab;
    let exporter: RunningExporter;
    let prometheus: Prometheus;
    let tunnel: Tunnel;
    let upload: Traffic;

    const start = () => startExporter({ prefix: lab.client.prefix, listen: ADDRESS });
    const scrape = (headers: Readonly<Record<string, string>> = {}) =>
      ask('/metrics', { socketPath: tunnel.socketPath, port: PORT, headers });

    beforeAll(async () => {
      lab = await createLab({
        links: [
          { name: 'eth0', rateMbit: 20, delayMs: 5 },
          { name: 'wlan0', rateMbit: 15, delayMs: 10 },
          { name: 'wwan0', delayMs: 30, up: { rateMbit: 6 }, down: { rateMbit: 12 } },
        ],
      });
      exporter = await start();
      tunnel = await openTunnel(lab, 'client', PORT);
      prometheus = await startPrometheus(lab);
      upload = await lab.startTraffic({ bytes: 'unlimited' });
      for (const options of STANDING) await lab.startTraffic(options);
      // 30 s by the shipped interval of 5 s: enough for every rate and for the fallbacks to be seen as such.
      await prometheus.awaitScrapes(6);
    }, 180_000);
    afterAll(async () => {
      await exporter?.stop();
      await lab?.close();
    });

    it('has every target up, without a scrape error now or before', async () => {
      const targets = (await prometheus.targets()).filter(({ labels }) => labels.job !== 'alertmanager'); // none runs here
      expect(targets.map(({ scrapeUrl, labels, health, lastError }) => [scrapeUrl, labels, health, lastError])).toEqual(
        expect.arrayContaining([
          [`http://${ADDRESS}/metrics`, { job: 'mptcp', instance: 'local' }, 'up', ''],
          ['http://127.0.0.1:9090/metrics', { job: 'prometheus', instance: '127.0.0.1:9090' }, 'up', ''],
        ]),
      );
      expect(targets).toHaveLength(2);
      expect(await prometheus.value('min_over_time(up{job="mptcp"}[10m])')).toBe(1);
      expect(await prometheus.value('mptcp_up{job="mptcp"}')).toBe(1);
    });

    it('keeps every sample of a scrape: none dropped, late, doubled or refused', async () => {
      const scraped = await prometheus.value('scrape_samples_scraped{job="mptcp"}');
      expect(scraped).toBeGreaterThan(200);
      expect(await prometheus.value('scrape_samples_post_metric_relabeling{job="mptcp"}')).toBe(scraped);
      const refused = await prometheus.query(
        '{__name__=~"prometheus_target_scrapes_(sample_|exceeded_|cache_flush).*_total|prometheus_tsdb_out_of_.*_total"}',
      );
      expect(refused.length).toBeGreaterThan(3);
      expect(refused.filter(({ values }) => values[0] !== 0)).toEqual([]);
      expect(prometheus.log()).toMatch(/level=info/);
      const troubles = prometheus.log().match(/^.*level=(?:warn|error).*$/gm) ?? [];
      // No Alertmanager runs here, and the Watchdog fires at once.
      expect(troubles.filter((line) => !line.includes('component=notifier'))).toEqual([]);
    });

    it('does not see the series of one scrape come and go with the next while connections stand', async () => {
      expect(await prometheus.value('min_over_time(scrape_series_added{job="mptcp"}[30s])')).toBe(0);
    });

    it('gets it compressed on its own connection', async () => {
      const received = async () => {
        const sockets = await lab.client.exec('ss', ['-tinHOp', 'dport', '=', `:${PORT}`]);
        const line = sockets.split('\n').find((socket) => socket.includes(`pid=${prometheus.pid},`));
        return Number(/ bytes_received:(\d+)/.exec(line ?? '')?.[1]);
      };
      const plain = (await scrape()).bytes.length;
      const [bytesBefore, scrapesBefore] = [await received(), await prometheus.scrapes()];
      await prometheus.awaitScrapes(2);
      const [bytes, scrapes] = [(await received()) - bytesBefore, (await prometheus.scrapes()) - scrapesBefore];
      console.log(`${plain} bytes of exposition cost ${Math.round(bytes / scrapes)} on the wire`);
      expect(bytes).toBeGreaterThan(0);
      expect(bytes / scrapes).toBeLessThan(plain / 2);
    });

    it('would pass promtool check metrics, plain and compressed', async () => {
      const plain = await scrape();
      const packed = await scrape({ 'Accept-Encoding': 'gzip' });
      expect(packed.headers['content-encoding']).toBe('gzip');
      for (const exposition of [plain.bytes, gunzipSync(packed.bytes)]) {
        const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
          input: exposition,
          encoding: 'utf8',
        });
        expect({ status, said: `${stdout}${stderr}` }).toEqual({ status: 0, said: '' });
      }
    });

    it('finds what was started: all three paths carrying, idle connections, IPv4 and IPv6, one fallback, no error', async () => {
      const exposition = parseExposition((await scrape()).text);
      for (const path of Object.keys(UP_MBIT)) {
        expect(exposition.value('mptcp_path_sent_bytes_total', { path }), path).toBeGreaterThan(1e6);
        expect(exposition.value('mptcp_path_received_bytes_total', { path }), path).toBeGreaterThan(0);
      }
      expect(exposition.value('mptcp_connections', { state: 'established' })).toBe(8);
      expect(exposition.value('mptcp_connections', { state: 'fallback' })).toBe(1);
      const locals = exposition.samples('mptcp_subflow_info').map(({ labels }) => labels.local ?? '');
      expect(locals.filter((local) => local.startsWith('[fd77:')).length).toBeGreaterThan(2);
      expect(locals.filter((local) => local.startsWith('10.77.')).length).toBeGreaterThan(5);
      const errors = exposition.samples('mptcp_exporter_errors_total').filter(({ value }) => value > 0);
      // A dump that sockets opened or closed into is repeated and counted, which is no trouble.
      expect(errors.filter(({ labels }) => labels.reason !== 'dump_interrupted')).toEqual([]);
    });

    it('counts nothing twice when the exporter is killed and started again under traffic', async () => {
      // With its bytes the totals are above what the standing connections show: were that counted again, it would look new.
      await upload.finish();
      await prometheus.awaitScrapes(2);
      await exporter.stop('SIGKILL');
      await sleep(1000);
      exporter = await start();
      await prometheus.awaitScrapes(5);

      expect(await prometheus.value('up{job="mptcp"}')).toBe(1);
      for (const [path, mbit] of Object.entries(UP_MBIT)) {
        expect(await prometheus.value(`resets(mptcp_path_sent_bytes_total{path="${path}"}[10m])`), path).toBe(1);
        const fastest = finite(
          await prometheus.queryRange(`rate(mptcp_path_sent_bytes_total{path="${path}"}[20s])`, 90),
        );
        const rate = (8 * Math.max(...fastest)) / 1e6;
        console.log(`${path}: at most ${rate.toFixed(1)} Mbit/s by rate(), the link has ${mbit}`);
        expect(rate, path).toBeGreaterThan(mbit / 4);
        // Dropped by the full queue before it was sent again, payload is counted twice by TCP too.
        expect(rate, path).toBeLessThan(mbit * 1.3);
      }
      const [payload, wire] = await Promise.all([
        prometheus.value('sum(increase(mptcp_path_sent_bytes_total[1m]))'),
        prometheus.value('sum(increase(mptcp_interface_transmit_bytes_total{interface!="lo"}[1m]))'),
      ]);
      console.log(
        `across the restart ${(payload / 1e6).toFixed(1)} MB of payload, ${(wire / 1e6).toFixed(1)} on the wire`,
      );
      expect(payload).toBeLessThan(wire * 1.1);
      expect(payload).toBeGreaterThan(wire * 0.5);
    }, 150_000);
  },
  prometheusUnavailable,
);
