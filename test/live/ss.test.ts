import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { expect, it } from 'vitest';
import { PARTS } from '../../exporter/src/mptcp/model.ts';
import { openSsSource } from '../../exporter/src/source/ss.ts';

it("the ss source reads this machine's kernel, without a failure or a row that it does not know", async () => {
  const source = await openSsSource({ procfs: '/proc' });
  const reading = await source.read(new Set(PARTS));
  source.close();
  for (const part of PARTS) expect(reading[part]?.failure, part).toBeUndefined();
  expect(reading.incidents).toEqual([]);
  expect(reading.kernelRelease).toBe(release());
  expect(reading.endpoints?.value?.limits?.subflows).toBeGreaterThanOrEqual(0);
  expect(reading.mib?.value?.has('MPCapableSYNRX')).toBe(true);
});

it('the ss source has the interfaces that the kernel has, with counters that have not gone back', async () => {
  const counters = () =>
    new Map(
      readFileSync('/proc/net/dev', 'utf8')
        .split('\n')
        .flatMap((line) => {
          const [, name, bytes] = /^\s*(\S+):\s*(\d+)/.exec(line) ?? [];
          return name === undefined ? [] : [[name, Number(bytes)] as const];
        }),
    );
  const source = await openSsSource({ procfs: '/proc' });
  const before = counters();
  const reading = await source.read(new Set());
  const after = counters();
  source.close();
  const lo = reading.interfaces.value?.find(({ name }) => name === 'lo');
  expect(lo).toMatchObject({ loopback: true, up: true, carrier: true });
  expect(lo?.addresses).toContainEqual({ address: '127.0.0.1', prefixLength: 8, scope: 'host' });
  const received = lo?.counters?.receivedBytes ?? -1;
  expect(received).toBeGreaterThanOrEqual(before.get('lo') ?? 0);
  expect(received).toBeLessThanOrEqual(after.get('lo') ?? 0);
  expect(lo?.carrierChanges).toBeGreaterThanOrEqual(0);
});
