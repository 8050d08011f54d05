import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfiguration } from '../../exporter/src/config/load.ts';
import { DEFAULT_HEALTH_SETTINGS } from '../../exporter/src/mptcp/health/settings.ts';

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'configuration-'));
  file = join(folder, 'config.yml');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function load(text: string) {
  writeFileSync(file, text);
  return (await loadConfiguration(file)).health;
}

describe('the section health', () => {
  it('sets every threshold, in seconds whatever its unit was', async () => {
    const text = `
health:
  confirm: off
  check_interval: 1m30s
  stalled_after: 500ms
  silent_after: 2s
  missing_after: 10s
  high_loss_ratio: 0.1
  high_rtt_factor: 2.5
  high_rtt_margin: 20ms
  degraded_after: 4s
  recovered_after: 1m
`;
    expect(await load(text)).toEqual({
      confirm: 'off',
      checkIntervalSeconds: 90,
      stalledSeconds: 0.5,
      silentSeconds: 2,
      missingSeconds: 10,
      highLossRatio: 0.1,
      highRttFactor: 2.5,
      highRttMarginSeconds: 0.02,
      degradedSeconds: 4,
      recoveredSeconds: 60,
    });
  });

  it('keeps the default of what it does not say', async () => {
    expect(await load('health: {silent_after: 3s}')).toEqual({ ...DEFAULT_HEALTH_SETTINGS, silentSeconds: 3 });
  });

  it.each(['health: {confirm: off}', 'health: {confirm: "off"}', '%YAML 1.1\n---\nhealth: {confirm: off}'])(
    'means off by off, which YAML 1.1 reads as false: %j',
    async (text) => {
      expect((await load(text)).confirm).toBe('off');
    },
  );

  it('may be set to the bounds themselves', async () => {
    expect(await load('health: {check_interval: 2s, high_loss_ratio: 1, high_rtt_factor: 100}')).toMatchObject({
      checkIntervalSeconds: 2,
      highLossRatio: 1,
      highRttFactor: 100,
    });
  });

  it.each([
    ['confirm: ping', 'confirm: expected connect or off, got the text ping'],
    ['confirm: true', 'confirm: expected connect or off, got true'],
    ['check_interval: 1s', 'check_interval: expected a duration such as 500ms, 15s or 1m, from 2s to 1h, got 1s'],
    ['silent_after: 5', 'silent_after: expected a duration such as 500ms, 15s or 1m, from 200ms to 1m, got 5'],
    ['missing_after: [1s]', 'missing_after: expected a duration such as 500ms, 15s or 1m, got a list'],
    ['stalled_after:', 'stalled_after: expected a duration such as 500ms, 15s or 1m, got nothing'],
    ['high_loss_ratio: 5', 'high_loss_ratio: expected a number above 0 and up to 1, such as 0.05 for 5 %, got 5'],
    ['high_loss_ratio: 0', 'high_loss_ratio: expected a number above 0 and up to 1, such as 0.05 for 5 %, got 0'],
    ['high_loss_ratio: 5%', 'high_loss_ratio: expected a number, got the text 5%'],
    ['high_rtt_factor: 1', 'high_rtt_factor: expected a number above 1 and up to 100, such as 3, got 1'],
    ['high_rtt_factor: .inf', 'high_rtt_factor: expected a number, got Infinity'],
    [
      'silent: 1s',
      'silent: unknown key, expected one of confirm, check_interval, stalled_after, silent_after, missing_after, high_loss_ratio, high_rtt_factor, high_rtt_margin, degraded_after, recovered_after',
    ],
  ])('names file, line, key and what was expected: %s', async (line, expected) => {
    await expect(load(`paths: []\nhealth:\n  ${line}\n`)).rejects.toMatchObject({
      code: 'invalid_configuration',
      message: `${file}:3: health.${expected}`,
    });
  });

  it('is in the example with every key', async () => {
    const example = readFileSync('exporter/config.example.yml', 'utf8');
    writeFileSync(file, 'health: {nothing: 1}');
    const keys = await loadConfiguration(file).then(
      () => [],
      (caught: Error) => /expected one of ([\w, ]+)/.exec(caught.message)?.[1]?.split(', ') ?? [],
    );
    expect(keys.length).toBe(Object.keys(DEFAULT_HEALTH_SETTINGS).length);
    for (const key of keys) expect(example).toContain(`\n  ${key}: `);
  });
});
