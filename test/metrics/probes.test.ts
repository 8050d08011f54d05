import { describe, expect, it } from 'vitest';
import type { LatencySettings } from '../../exporter/src/config/probes/settings.ts';
import { ErrorTally } from '../../exporter/src/error-tally.ts';
import { probes } from '../../exporter/src/metrics/collectors/probes.ts';
import type { ProbePicture } from '../../exporter/src/observer/picture.ts';
import { Observer } from '../../exporter/src/observer.ts';
import { Account } from '../../exporter/src/probe/account.ts';
import { failed } from '../../exporter/src/probe/probe.ts';
import { ProbeResults } from '../../exporter/src/probe/results.ts';
import { RoundResults } from '../../exporter/src/probe/round/aggregation.ts';
import { printedBy } from '../support/collected.ts';
import { reading } from '../support/scene.ts';

const SETTINGS: LatencySettings = {
  type: 'tcp',
  target: { text: 'vps:443', host: 'vps', port: 443 },
  timetable: { intervalSeconds: 1, jitterSeconds: 0 },
  timeoutSeconds: 1,
  payloadBytes: 0,
};

/** Each sample as `family{label values} value`. */
async function said(picture?: ProbePicture) {
  const observer = new Observer({
    source: { name: 'netlink', kernel: 'upstream', read: async () => reading({}), close: () => undefined },
    rules: [],
    sampleIntervalMs: 1000,
    subflowLimit: 200,
    parts: new Set(),
    errors: new ErrorTally(),
    ...(picture !== undefined && { probes: picture }),
  });
  return printedBy(probes, await observer.look(), 'mptcp_probe_');
}

describe('the metrics of probes', () => {
  it('are absent without probes', async () => {
    expect(await said()).toEqual([]);
  });

  it('have what each probe brought on each path, absent what it did not', async () => {
    const [results, account] = [new ProbeResults(), new Account()];
    results.latency(SETTINGS, 'eth', { ok: true, value: { rttSeconds: 0.25 } });
    results.latency(SETTINGS, 'lte', failed('unresolvable', ''));
    const meter = account.meter('eth', () => undefined);
    meter.sent(216);
    meter.received(164);
    const lines = await said({ results, account, rounds: new RoundResults() });
    const eth = lines.filter((line) => line.includes('{tcp,eth'));
    expect(eth).toContain('success{tcp,eth,vps:443} 1');
    expect(eth).toContain('requests_total{tcp,eth,vps:443} 1');
    expect(eth).toContain('replies_total{tcp,eth,vps:443} 1');
    expect(eth).toContain('failures_total{tcp,eth,vps:443,timeout} 0');
    expect(eth).toContain('rtt_seconds_bucket{tcp,eth,vps:443,0.4096} 1');
    expect(eth).toContain('rtt_seconds_bucket{tcp,eth,vps:443,0.2048} 0');
    expect(eth).toContain('rtt_seconds_sum{tcp,eth,vps:443} 0.25');
    expect(eth.some((line) => line.startsWith('jitter_seconds'))).toBe(false);
    const lte = lines.filter((line) => line.includes('{tcp,lte'));
    expect(lte).toContain('success{tcp,lte,vps:443} 0');
    expect(lte).toContain('failures_total{tcp,lte,vps:443,unresolvable} 1');
    expect(lte).toContain('rtt_seconds_count{tcp,lte,vps:443} 0');
    expect(lte.some((line) => /timestamp/.test(line))).toBe(false);
    expect(lines).toContain('sent_bytes_total{eth} 216');
    expect(lines).toContain('received_bytes_total{eth} 164');
  });
});
