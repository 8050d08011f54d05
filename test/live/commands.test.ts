import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeLive } from '../lab/vitest.ts';
import { startExporter } from '../support/exporter.ts';

const MAIN = fileURLToPath(new URL('../../exporter/dist/main.js', import.meta.url));

describeLive('mptcp-exporter status and doctor, at the client of two links with traffic', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab({
      links: [
        { name: 'eth0', rateMbit: 20, delayMs: 5 },
        { name: 'wlan0', rateMbit: 15, delayMs: 10 },
      ],
    });
    await lab.startTraffic({ bytes: 'unlimited' });
  }, 60_000);
  afterAll(() => lab?.close());

  /** Runs a command to its end, whatever its exit status, which is the last line. */
  async function command(...args: string[]): Promise<{ text: string; status: number }> {
    const script = '"$@"; echo "$?"';
    const printed = await lab.client.exec('sh', ['-c', script, 'sh', process.execPath, MAIN, ...args], {
      timeoutMs: 30_000,
    });
    const lines = printed.trimEnd().split('\n');
    return { text: lines.slice(0, -1).join('\n'), status: Number(lines.at(-1)) };
  }

  it('status looks itself without an exporter: both paths carry, at a rate, over one connection', async () => {
    const { text, status } = await command('status', '--json');
    expect(status).toBe(0);
    const { from, connectionCount, paths, subflows } = JSON.parse(text);
    expect(from).toMatch(/^own look: nothing answers/);
    expect(connectionCount).toBe(1);
    for (const name of ['eth0', 'wlan0']) {
      const path = paths.find((one: { name: string }) => one.name === name);
      expect(path).toMatchObject({ interface: name, state: 'up', subflows: { active: expect.any(Number) } });
      expect(path.sendBytesPerSecond).toBeGreaterThan(100_000);
      expect(path.sinceSeconds).toBeUndefined();
    }
    expect(subflows.map(({ path }: { path: string }) => path).sort()).toEqual(
      expect.arrayContaining(['eth0', 'wlan0']),
    );
  });

  it('status and doctor ask the exporter that runs', async () => {
    await using _exporter = await startExporter({ prefix: lab.client.prefix, listen: '127.0.0.1:10262' });
    const { text, status } = await command('status');
    expect(status).toBe(0);
    expect(text).toMatch(/^MPTCP is on: 1 connection over 2 paths \(the exporter at http:\/\/127\.0\.0\.1:10262\)$/m);
    expect(text).toMatch(/^wlan0 +(?:\S+ +)?up +\d\d:\d\d:\d\d .*Mbit\/s/m);
    const examined = await command('doctor');
    expect(examined.text).toMatch(/^ok +exporter +it runs and reads MPTCP$/m);
    expect(examined.text).toMatch(/^ok +capability +the exporter hears/m);
    expect(examined.text).toMatch(/^ok +routing +each endpoint leaves by its own interface, through a gateway$/m);
    expect(examined.status).toBe(0);
  });

  it('doctor finds the endpoint that leaves by the wrong link, and a link without a gateway', async () => {
    const { ipv4: address = '' } = lab.client.addresses.wlan0 ?? {};
    await lab.client.batch('ip', [`rule del from ${address}`, 'route del default dev wlan0']);
    const bound = await command('doctor');
    expect(bound.text).toContain(`wlan0 has no gateway for ${address}`);
    expect(bound.status).toBe(1);

    const endpoints = await lab.client.exec('ip', ['mptcp', 'endpoint', 'show']);
    const id = new RegExp(`^${address.replaceAll('.', '\\.')} id (\\d+)`, 'm').exec(endpoints)?.[1];
    await lab.client.batch('ip', [`mptcp endpoint delete id ${id}`, `mptcp endpoint add ${address} subflow`]);
    const unbound = await command('doctor');
    expect(unbound.text).toContain(`what is sent from ${address} leaves by eth0, not by wlan0`);
    expect(unbound.text).toContain(`ip rule add from ${address}`);
    expect(unbound.status).toBe(1);
  });
});
