import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfiguration } from '../../../exporter/src/config/load.ts';
import { asExporterError } from '../../../exporter/src/errors.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'probes-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PATHS = 'paths: [{name: fibre, interface: eth0}, {name: phone, interface: usb0, metered: true}]\n';

function load(text: string) {
  const file = join(folder, 'c.yml');
  writeFileSync(file, text);
  return loadConfiguration(file);
}

/** The settings of one entry, written as the inside of a YAML flow mapping. */
async function entry(keys: string) {
  return (await load(`${PATHS}probes: [{${keys}}]`)).probes[0];
}

describe('probes in the configuration', () => {
  it.each([
    [
      'type: icmp, target: 192.0.2.1',
      {
        type: 'icmp',
        target: { text: '192.0.2.1', host: '192.0.2.1' },
        timetable: { intervalSeconds: 15, jitterSeconds: 1.5 },
        timeoutSeconds: 2,
        payloadBytes: 56,
      },
    ],
    [
      'type: tcp, target: "[2001:db8::1]:443", paths: [phone], interval: 1s, jitter: 0s',
      {
        type: 'tcp',
        target: { text: '[2001:db8::1]:443', host: '2001:db8::1', port: 443 },
        paths: ['phone'],
        timetable: { intervalSeconds: 1, jitterSeconds: 0 },
        timeoutSeconds: 0.7,
        payloadBytes: 0,
      },
    ],
    [
      'type: udp, target: vps.example.org, payload: 1kB, token_file: token, timeout: 500ms',
      {
        type: 'udp',
        target: { text: 'vps.example.org', host: 'vps.example.org', port: 10_263 },
        timetable: { intervalSeconds: 15, jitterSeconds: 1.5 },
        timeoutSeconds: 0.5,
        payloadBytes: 1000,
        tokenFile: 'token',
      },
    ],
    [
      'type: tcp-echo, target: "vps.example.org:99"',
      { type: 'tcp-echo', target: { text: 'vps.example.org:99', host: 'vps.example.org', port: 99 }, payloadBytes: 64 },
    ],
    [
      'type: throughput, target: "2001:db8::1", schedule: "0 3 * * *", directions: [down], mptcp: false, maximum_bytes: 20MB',
      {
        type: 'throughput',
        target: { text: '2001:db8::1', host: '2001:db8::1', port: 10_263 },
        timetable: { cron: '0 3 * * *', jitterSeconds: 5 },
        timeoutSeconds: 20,
        durationSeconds: 5,
        maximumBytes: 20e6,
        directions: ['down'],
        mptcp: false,
      },
    ],
    [
      'type: iperf3, target: vps.example.org, duration: 10s, interval: 1h',
      {
        type: 'iperf3',
        target: { text: 'vps.example.org', host: 'vps.example.org', port: 5201 },
        timetable: { intervalSeconds: 3600, jitterSeconds: 360 },
        timeoutSeconds: 25,
        durationSeconds: 10,
        directions: ['up', 'down'],
        mptcp: true,
      },
    ],
    [
      'type: transfer, target: vps.example.org, protocol: ftp, sizes: [1MB, 16kB], login_file: login',
      {
        type: 'transfer',
        protocol: 'ftp',
        target: { text: 'vps.example.org', host: 'vps.example.org', port: 21 },
        sizesBytes: [16e3, 1e6],
        loginFile: 'login',
        timetable: { intervalSeconds: 21_600, jitterSeconds: 2160 },
      },
    ],
    [
      'type: transfer, target: "vps.example.org:8080"',
      { protocol: 'http', target: { text: 'vps.example.org:8080', host: 'vps.example.org', port: 8080 } },
    ],
  ])('%s', async (keys, expected) => {
    expect(await entry(keys)).toMatchObject(expected);
  });

  it('transfers move the series from 16 kB to 50 MB unless told otherwise', async () => {
    const settings = await entry('type: transfer, target: vps.example.org');
    expect(settings).toMatchObject({ sizesBytes: [16e3, 64e3, 256e3, 1e6, 4e6, 16e6, 50e6] });
  });

  it('a budget is for all paths, and for single ones instead', async () => {
    const text = `${PATHS}probe_budget: {day: 20MB, month: 0.5GB, paths: {phone: {month: 100MB}}, state_file: /tmp/x}`;
    expect((await load(text)).probeBudget).toEqual({
      dayBytes: 20e6,
      monthBytes: 500e6,
      paths: new Map([['phone', { monthBytes: 100e6 }]]),
      stateFile: '/tmp/x',
    });
  });

  it('names interfaces as paths where no path is configured', async () => {
    const { probes } = await load('probes: [{type: icmp, target: 192.0.2.1, paths: [eth7]}]');
    expect(probes[0]?.paths).toEqual(['eth7']);
  });
});

describe('a wrong entry is named with file, line, key and what was expected', () => {
  const types = 'icmp, tcp, udp, tcp-echo, throughput, iperf3, transfer';
  it.each([
    ['type: icpm, target: a', `type: expected one of ${types}, got the text icpm (did you mean icmp?)`],
    ['target: a', `type: missing, expected one of ${types}`],
    ['type: icmp', 'target: missing, expected a host'],
    ['type: icmp, target: [a]', 'target: expected a host, got a list'],
    ['type: icmp, target: "a:5"', 'target: expected HOST such as 192.0.2.1, got a:5'],
    ['type: icmp, target: 10.0.0.256', 'target: expected HOST such as 192.0.2.1, got 10.0.0.256'],
    ['type: icmp, target: "-c 5"', 'target: expected HOST such as 192.0.2.1, got -c 5'],
    ['type: tcp, target: a', 'target: expected HOST:PORT such as 192.0.2.1:443 or [2001:db8::1]:443, got a'],
    ['type: tcp, target: "a:0"', 'target: expected HOST:PORT such as 192.0.2.1:443 or [2001:db8::1]:443, got a:0'],
    [
      'type: tcp, target: "a:70000"',
      'target: expected HOST:PORT such as 192.0.2.1:443 or [2001:db8::1]:443, got a:70000',
    ],
    [
      'type: udp, target: "[::1"',
      'target: expected HOST or HOST:PORT such as vps.example.org or [2001:db8::1]:443, got [::1',
    ],
    [
      'type: udp, target: a, paths: [mptcp]',
      'paths[0]: expected the name of one path: mptcp stands for all of them together; bulk probes have the key mptcp for it',
    ],
    [
      'type: udp, target: a, paths: [fibre, phoen]',
      'paths[1]: expected the name of a path, one of fibre, phone, got phoen (did you mean phone?)',
    ],
    [
      'type: udp, target: a, paths: []',
      'paths: expected 1 to 32 names of paths, each once; leave the key out for all paths',
    ],
    [
      'type: udp, target: a, payload: 10',
      'payload: expected a size such as 64, 16kB or 20MB, from 40B to 1452B, got 10',
    ],
    [
      'type: udp, target: a, interval: 1s, schedule: "* * * * *"',
      'schedule: expected either interval or schedule, got both',
    ],
    [
      'type: udp, target: a, schedule: "61 * * * *"',
      'schedule: expected a cron pattern such as "0 3 * * *" for every day at three, got 61 * * * *',
    ],
    [
      'type: udp, target: a, schedule: "0 0 30 2 *"',
      'schedule: expected a cron pattern such as "0 3 * * *" for every day at three, got 0 0 30 2 *',
    ],
    ['type: udp, target: a, interval: 1s, timeout: 1s', 'timeout: expected less than the interval'],
    ['type: udp, target: a, interval: 1s, jitter: 2s', 'jitter: expected no more than the interval'],
    [
      'type: udp, target: a, interval: 0',
      'interval: expected a duration such as 500ms, 15s or 1m, from 200ms to 1d, got 0',
    ],
    [
      'type: tcp, target: "a:1", sizes: [1]',
      'sizes: unknown key, expected one of type, target, paths, schedule, jitter, interval, timeout',
    ],
    [
      'type: transfer, target: a, sizes: [1XB]',
      'sizes[0]: expected a size such as 64, 16kB or 20MB, from 1B to 1GB, got 1XB',
    ],
    ['type: transfer, target: a, sizes: [1kB, 1000]', 'sizes: expected 1 to 16 sizes, each once'],
    ['type: transfer, target: a, directions: [sideways]', 'directions[0]: expected up or down, got the text sideways'],
    ['type: transfer, target: a, protocol: scp', 'protocol: expected http or ftp, got the text scp'],
    [
      'type: transfer, target: a, login_file: f',
      'login_file: expected only with protocol ftp; our reflector takes token_file',
    ],
    ['type: iperf3, target: a, timeout: 2s', 'timeout: expected more than the duration'],
  ])('%s', async (keys, expected) => {
    const message = await entry(keys).then(
      () => 'accepted',
      (error: unknown) => asExporterError(error).message,
    );
    expect(message.replace(`${folder}/`, '')).toBe(`c.yml:2: probes[0].${expected}`);
  });

  it.each([
    ['probes: 3', 'c.yml:1: probes: expected a list, got 3'],
    ['probes:\n- 5', 'c.yml:2: probes[0]: expected a mapping of keys to values, got 5'],
    [
      'probes:\n- {type: icmp, target: a}\n- {type: icmp, target: a}',
      'c.yml:3: probes[1].target: expected another type or target, probes[0] is icmp to a too',
    ],
    [
      'probe_budget: {dya: 5}',
      'c.yml:1: probe_budget.dya: unknown key, expected one of day, month, paths, state_file (did you mean day?)',
    ],
    ['probe_budget: {state_file: x}', 'c.yml:1: probe_budget.state_file: expected the name of a file, from / on'],
    [
      `${PATHS}probe_budget: {paths: {fibr: {day: 1MB}}}`,
      'c.yml:2: probe_budget.paths.fibr: expected the name of a path, one of fibre, phone, got fibr (did you mean fibre?)',
    ],
  ])('%j', async (text, expected) => {
    const message = await load(text).then(
      () => 'accepted',
      (error: unknown) => asExporterError(error).message,
    );
    expect(message.replace(`${folder}/`, '')).toBe(expected);
  });

  it('more probes than there is room for', async () => {
    const list = Array.from({ length: 65 }, (_, index) => `{type: icmp, target: h${index}.example}`);
    await expect(load(`probes: [${list.join(', ')}]`)).rejects.toThrow('probes: expected at most 64 probes');
  });
});
