import { expect, it } from 'vitest';
import { probeLog } from '../../exporter/src/cli/probe-log.ts';
import type { LatencySettings } from '../../exporter/src/config/probes/settings.ts';
import { failed, type ProbeResult } from '../../exporter/src/probe/probe.ts';

const SETTINGS: LatencySettings = {
  type: 'icmp',
  target: { text: 'vps', host: 'vps' },
  timetable: { intervalSeconds: 1, jitterSeconds: 0 },
  timeoutSeconds: 1,
  payloadBytes: 56,
};
const ANSWER: ProbeResult<unknown> = { ok: true, value: {} };

function scene() {
  const lines: string[] = [];
  const take = (level: string) => (details: object, message: string) =>
    lines.push(`${level} ${message} ${JSON.stringify(details)}`);
  const log = probeLog({ debug: take('debug'), info: take('info'), warn: take('warn') });
  return { lines, log };
}

it('probes are logged when they begin to fail, fail otherwise and work again, not run by run', () => {
  const { lines, log } = scene();
  const results = [
    ANSWER,
    ANSWER,
    failed('timeout', 'nothing came within 1 s'),
    failed('timeout', 'x'),
    failed('refused', 'no'),
    ANSWER,
    ANSWER,
  ];
  for (const result of results) log(SETTINGS, 'lte', result);
  const labels = '"probe":"icmp","path":"lte","target":"vps"';
  expect(lines).toEqual([
    `warn probe icmp to vps fails on path lte: nothing came within 1 s {${labels},"reason":"timeout"}`,
    `warn probe icmp to vps fails on path lte: no {${labels},"reason":"refused"}`,
    `info probe icmp to vps works again on path lte {${labels}}`,
  ]);
});

it('each path has a state of its own', () => {
  const { lines, log } = scene();
  for (const path of ['eth', 'lte', 'eth', 'lte']) log(SETTINGS, path, failed('timeout', 'x'));
  expect(lines).toHaveLength(2);
});
