import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { ErrorTally } from '../../exporter/src/error-tally.ts';
import { COLLECTORS } from '../../exporter/src/metrics/collectors/index.ts';
import { MetricsRegistry } from '../../exporter/src/metrics/registry.ts';
import { PARTS, type Reading } from '../../exporter/src/mptcp/model.ts';
import { Observer } from '../../exporter/src/observer.ts';
import type { Source } from '../../exporter/src/source/source.ts';
import { capturedNetlink, capturedSs, outOfTree } from '../support/captured-scene.ts';
import { reading } from '../support/scene.ts';

const SCENES: Readonly<Record<string, () => Promise<Source>>> = {
  'netlink-client': () => capturedNetlink('client'),
  'netlink-server': () => capturedNetlink('server'),
  'ss-6.1.0-client': () => capturedSs('client', '6.1.0'),
  'ss-7.1.0-server': () => capturedSs('server', '7.1.0'),
  'procfs-v0.91': () => outOfTree('v0.91'),
  'procfs-v0.91-hidden': () => outOfTree('v0.91-hidden'),
};

/** The exposition of an exporter that started before the captured connections did, with every time made the same. */
async function expose(source: Source): Promise<string> {
  const captured = await source.read(new Set(PARTS));
  const { interfaces } = captured;
  const looks: Reading[] = [
    { ...reading({}), ...captured, interfaces, sockets: { value: { connections: [], subflows: [] } }, monotonicSeconds: 0 },
    { ...captured, monotonicSeconds: 10 },
  ];
  const observer = new Observer({
    source: { ...source, name: source.name, kernel: source.kernel, read: async () => looks.shift() ?? captured, close: () => undefined },
    kernelRelease: '0.0.0-golden',
    rules: [],
    sampleIntervalMs: 1000,
    subflowLimit: 200,
    parts: new Set(PARTS),
    errors: new ErrorTally(),
  });
  const registry = new MetricsRegistry({
    collectors: COLLECTORS.filter(({ name }) => name !== 'process'),
    build: { version: '0.0.0', revision: 'golden' },
    onError: (collector, error) => {
      throw new Error(`${collector}: ${error.line}`);
    },
  });
  await observer.look();
  const { body } = await registry.render(await observer.look());
  return body
    .replace(/^(mptcp_(?:scrape_collector_duration|path_last_change_timestamp)_seconds\{.*\}) .*$/gm, '$1 0')
    .replace(/node="[^"]*"/, 'node="golden"');
}

describe('the whole exposition of a captured scene', () => {
  it.each(Object.entries(SCENES))('%s is as its golden file says', async (name, open) => {
    const file = new URL(`${name}.prom`, import.meta.url);
    const body = await expose(await open());
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, body);
    expect(body, 'UPDATE_GOLDEN=1 writes it anew; read the difference').toBe(readFileSync(file, 'utf8'));
  });

  it.skipIf(!existsSync('/usr/bin/promtool')).each(Object.keys(SCENES))(
    '%s passes promtool check metrics (needs promtool, Debian package prometheus)',
    async (name) => {
      const { all, exitCode } = await execa('promtool', ['check', 'metrics'], {
        input: readFileSync(new URL(`${name}.prom`, import.meta.url)),
        all: true,
        reject: false,
      });
      expect({ all, exitCode }).toEqual({ all: '', exitCode: 0 });
    },
  );
});
