import { describe, expect, it } from 'vitest';
import { ErrorTally } from '../../exporter/src/error-tally.ts';
import { collector } from '../../exporter/src/metrics/collector.ts';
import { COLLECTORS } from '../../exporter/src/metrics/collectors/index.ts';
import { counter, gauge } from '../../exporter/src/metrics/family.ts';
import { MetricsRegistry } from '../../exporter/src/metrics/registry.ts';
import type { Reading } from '../../exporter/src/mptcp/model.ts';
import { Observer } from '../../exporter/src/observer.ts';
import { connection, reading, subflow } from '../support/scene.ts';

const registryOf = (collectors: typeof COLLECTORS, errors: string[] = []) =>
  new MetricsRegistry({
    collectors,
    build: { version: '1.2.3', revision: 'abc' },
    onError: (name, error) => errors.push(`${name}: ${error.message}`),
  });

const observerOf = (readings: (() => Reading)[], subflowLimit = 200) => {
  let next = 0;
  return new Observer({
    source: {
      name: 'netlink',
      kernel: 'upstream',
      read: async () => {
        const make = readings[Math.min(next++, readings.length - 1)];
        if (make === undefined) throw new Error('no reading');
        return make();
      },
      close: () => undefined,
    },
    rules: [],
    sampleIntervalMs: 1000,
    subflowLimit,
    parts: new Set(),
    errors: new ErrorTally(),
  });
};

/** Lines of the exposition that are samples, without HELP and TYPE. */
const samplesOf = (body: string) => body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('the exposition', () => {
  it('drops the series of a subflow with the subflow, and keeps its bytes in the path', async () => {
    const one = subflow(0x00b6ae2e, '10.77.1.1', { cookie: 1, sent: 500 });
    const observer = observerOf([
      () => reading({}),
      () => reading({ connections: [connection(0x00b6ae2e)], subflows: [one] }, { monotonicSeconds: 1 }),
      () => reading({}, { monotonicSeconds: 2 }),
    ]);
    const registry = registryOf(COLLECTORS);
    await observer.look();
    const during = samplesOf((await registry.render(await observer.look())).body);
    const after = samplesOf((await registry.render(await observer.look())).body);
    const series =
      'mptcp_subflow_sent_bytes_total{token="00b6ae2e",path="eth0",local="10.77.1.1:40000",remote="10.77.1.2:7001"} 500';
    expect(during).toContain(series);
    expect(after.filter((line) => line.includes('00b6ae2e'))).toEqual([]);
    for (const body of [during, after]) expect(body).toContain('mptcp_path_sent_bytes_total{path="eth0"} 500');
  });

  it('gives series to at most the limit of subflows, the busiest, and says how many are hidden', async () => {
    const many = (seconds: number) => () =>
      reading(
        {
          subflows: Array.from({ length: 10 }, (_, i) =>
            subflow(i, '10.77.2.1', { cookie: i + 1, sent: seconds * i, local: { address: '10.77.2.1', port: i + 1 } }),
          ),
        },
        { monotonicSeconds: seconds },
      );
    const observer = observerOf([() => reading({}), many(1), many(2)], 3);
    await observer.look();
    await observer.look();
    const lines = samplesOf((await registryOf(COLLECTORS).render(await observer.look())).body);
    const shown = lines.filter((line) => line.startsWith('mptcp_subflow_info'));
    expect(shown.map((line) => /local="([^"]+)"/.exec(line)?.[1])).toEqual([
      '10.77.2.1:8',
      '10.77.2.1:9',
      '10.77.2.1:10',
    ]);
    expect(lines).toContain('mptcp_subflow_series_hidden 7');
    expect(lines).toContain('mptcp_path_sent_bytes_total{path="wlan0"} 90');
  });

  it('marks a collector whose part failed, keeps the others, and says that the source is not up', async () => {
    const failure = { code: 'permission_denied', message: 'no' };
    const observer = observerOf([() => reading({}, { sockets: { failure } })]);
    const lines = samplesOf((await registryOf(COLLECTORS).render(await observer.look())).body);
    expect(lines).toContain('mptcp_up 0');
    expect(lines).toContain('mptcp_scrape_collector_success{collector="connections"} 0');
    expect(lines).toContain('mptcp_scrape_collector_success{collector="interfaces"} 1');
    expect(lines).toContain('mptcp_exporter_errors_total{collector="sockets",reason="permission_denied"} 1');
    expect(lines.filter((line) => line.startsWith('mptcp_connections'))).toEqual([]);
  });

  it('does not call connections none when the kernel lists only subflows', async () => {
    const connectionsFailure = { code: 'not_tcp_info', message: 'kernel 5.8' };
    const sockets = { value: { connections: [], subflows: [subflow(1, '10.77.1.1')], connectionsFailure } };
    const observer = observerOf([() => reading({}, { sockets })]);
    const lines = samplesOf((await registryOf(COLLECTORS).render(await observer.look())).body);
    expect(lines).toContain('mptcp_scrape_collector_success{collector="connections"} 0');
    expect(lines).toContain('mptcp_scrape_collector_success{collector="subflows"} 1');
    expect(lines.filter((line) => line.startsWith('mptcp_connections'))).toEqual([]);
  });

  it('loses only the metrics of a collector that throws', async () => {
    const errors: string[] = [];
    const broken = collector('broken', [], { a: gauge('mptcp_a', 'A.') }, () => {
      throw new Error('oops');
    });
    const fine = collector('fine', [], { b: counter('mptcp_b_total', 'B.') }, (_, emit) => emit.b({}, 2));
    const observer = observerOf([() => reading({})]);
    const { body } = await registryOf([broken, fine], errors).render(await observer.look());
    expect(samplesOf(body)).toEqual(
      expect.arrayContaining([
        'mptcp_b_total 2',
        'mptcp_scrape_collector_success{collector="broken"} 0',
        'mptcp_scrape_collector_success{collector="fine"} 1',
      ]),
    );
    expect(errors).toEqual(['broken: oops']);
  });

  it('writes values of labels so that Prometheus reads them back', async () => {
    const odd = collector('odd', [], { a: gauge('mptcp_a', 'A.', ['path']) }, (_, emit) =>
      emit.a({ path: 'a "b"\\c\nd' }, 1),
    );
    const { body } = await registryOf([odd]).render(await observerOf([() => reading({})]).look());
    expect(body).toContain('mptcp_a{path="a \\"b\\"\\\\c\\nd"} 1');
  });
});
