import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TransferSettings } from '../../exporter/src/config/probes/settings.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeLive } from '../lab/vitest.ts';
import { type LegOutcome, Legs, startReflector, throughputSettings } from '../support/legs.ts';

const LINKS = ['eth0', 'wlan0'] as const;
const RATE_MBIT = 20;
const ROUND_TRIP = 0.02;
const HTTP = 10_263;
const FTP = 2121;
const IPERF3 = { tcp: 5201, mptcp: 5202 } as const;
const TOKEN = '0123456789abcdef0123456789abcdef';
const SIZES = [16_000, 1_000_000] as const;

let lab: Lab;
let legs: Legs;
let folder: string;

const settings = (protocol: 'http' | 'ftp', sizeBytes: number): TransferSettings => {
  const port = protocol === 'http' ? HTTP : FTP;
  return {
    type: 'transfer',
    protocol,
    sizesBytes: [sizeBytes],
    target: { text: `server:${port}`, host: 'server', port },
    timetable: { intervalSeconds: 3600, jitterSeconds: 0 },
    timeoutSeconds: 20,
    directions: ['up', 'down'],
    mptcp: true,
    ...(protocol === 'http' && { tokenFile: join(folder, 'token') }),
  };
};

function value({ result }: LegOutcome) {
  if (!result.ok) throw new Error(`${result.reason}: ${result.message}`);
  return result.value;
}

/** The link carried the file, and no other more than a few packets of the neighbours' business. */
function expectOn(link: string, { carried }: LegOutcome, way: 'sent' | 'received', bytes: number): void {
  for (const [name, moved] of Object.entries(carried)) {
    if (name === link) expect(moved[way]).toBeGreaterThan(bytes);
    else expect(moved.sent + moved.received).toBeLessThan(5000);
  }
}

describeLive('files and iperf3 over two links', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mptcp-transfer-'));
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'token'), TOKEN);
    mkdirSync(join(folder, 'files'));
    writeFileSync(
      join(folder, 'vsftpd.conf'),
      [
        ...['listen=YES', `listen_port=${FTP}`, 'background=NO', 'run_as_launching_user=YES', 'seccomp_sandbox=NO'],
        ...['anonymous_enable=YES', 'no_anon_password=YES', `anon_root=${join(folder, 'files')}`, 'write_enable=YES'],
        ...['anon_upload_enable=YES', 'anon_other_write_enable=YES', 'anon_world_readable_only=NO', ''],
      ].join('\n'),
    );
    lab = await createLab({
      links: LINKS.map((name) => ({ name, rateMbit: RATE_MBIT, delayMs: (ROUND_TRIP * 1000) / 2 })),
    });
    lab.server.spawn('vsftpd', [join(folder, 'vsftpd.conf')]);
    lab.server.spawn('iperf3', ['-s', '-p', String(IPERF3.tcp), '--forceflush']);
    const iperf3 = lab.server.spawn('mptcpize', ['run', 'iperf3', '-s', '-p', String(IPERF3.mptcp), '--forceflush']);
    await startReflector(lab, [
      `--reflector.listen-address=:${HTTP}`,
      `--reflector.token-file=${join(folder, 'token')}`,
    ]);
    await iperf3.waitForLine(/Server listening/);
    legs = await Legs.start(lab);
  });
  afterAll(async () => {
    await lab?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(
    (['http', 'ftp'] as const).flatMap((protocol) =>
      LINKS.flatMap((link) => SIZES.map((size) => [protocol, link, size] as const)),
    ),
  )(
    '%s over %s: a file of %i bytes goes up and comes back in the time that the link takes',
    async (protocol, link, sizeBytes) => {
      for (const direction of ['up', 'down'] as const) {
        const outcome = await legs.run(link, {
          settings: settings(protocol, sizeBytes),
          leg: { direction, sizeBytes },
        });
        const { bytes, seconds } = value(outcome);
        expect(bytes).toBe(sizeBytes);
        expect(seconds).toBeGreaterThan(sizeBytes / (RATE_MBIT * 125_000) + ROUND_TRIP);
        expect(seconds).toBeLessThan(sizeBytes / (RATE_MBIT * 125_000) + 20 * ROUND_TRIP + 2);
        const way = direction === 'up' ? 'sent' : 'received';
        expectOn(link, outcome, way, sizeBytes);
        const told = outcome.moved[link]?.[way] ?? 0;
        expect(told).toBeGreaterThan(sizeBytes);
        expect(told / (outcome.carried[link]?.[way] ?? 1)).toBeGreaterThan(0.75);
        expect(told / (outcome.carried[link]?.[way] ?? 1)).toBeLessThan(1.2);
      }
    },
  );

  it('over MPTCP a large file comes over both links by HTTP; FTP tells that its server has no MPTCP', async () => {
    const sizeBytes = 8_000_000;
    for (const direction of ['up', 'down'] as const) {
      const outcome = await legs.run('mptcp', { settings: settings('http', sizeBytes), leg: { direction, sizeBytes } });
      const way = direction === 'up' ? 'sent' : 'received';
      expect(value(outcome).bytes).toBe(sizeBytes);
      for (const link of LINKS) {
        expect(outcome.carried[link]?.[way]).toBeGreaterThan(sizeBytes / 10);
        expect(outcome.moved[link]?.[way]).toBeGreaterThan(sizeBytes / 12);
      }
    }
    const order = { settings: settings('ftp', 16_000), leg: { direction: 'down', sizeBytes: 16_000 } } as const;
    expect((await legs.run('mptcp', order)).result).toMatchObject({ ok: false, reason: 'fell_back' });
  });

  it.each(['up', 'down'] as const)(
    'iperf3 %s: each link alone, both by MPTCP, and within a budget',
    async (direction) => {
      const of = (port: number, rest = {}) => throughputSettings(port, { type: 'iperf3', durationSeconds: 3, ...rest });
      const way = direction === 'up' ? 'sent' : 'received';
      for (const link of LINKS) {
        const outcome = await legs.run(link, { settings: of(IPERF3.tcp), leg: { direction } });
        const { bytes, seconds, loadedRttSeconds } = value(outcome);
        expect(bytes / seconds / (RATE_MBIT * 125_000)).toBeGreaterThan(0.8);
        expect(bytes / seconds / (RATE_MBIT * 125_000)).toBeLessThan(1.1);
        expect(loadedRttSeconds.length).toBeGreaterThan(0);
        for (const rtt of loadedRttSeconds) expect(rtt).toBeGreaterThan(ROUND_TRIP * 0.9);
        expectOn(link, outcome, way, bytes);
      }
      const both = await legs.run('mptcp', { settings: of(IPERF3.mptcp), leg: { direction } });
      expect(value(both).bytes / value(both).seconds / (RATE_MBIT * 125_000)).toBeGreaterThan(1.2);
      for (const link of LINKS) expect(both.moved[link]?.[way]).toBeGreaterThan(1_000_000);
      const fallback = await legs.run('mptcp', { settings: of(IPERF3.tcp), leg: { direction } });
      expect(fallback.result).toMatchObject({ ok: false, reason: 'fell_back' });

      // Of 4 MB little more than a second's worth may be moved, of 40 MB more than there is time for.
      for (const remaining of [4e6, 40e6]) {
        const bounded = await legs.run('eth0', { settings: of(IPERF3.tcp), leg: { direction }, remaining });
        expect(value(bounded).bytes / value(bounded).seconds / (RATE_MBIT * 125_000)).toBeGreaterThan(0.7);
        const { sent = 0, received = 0 } = bounded.carried.eth0 ?? {};
        expect(sent + received).toBeLessThan(remaining);
        expect(bounded.took).toBeLessThan(8);
      }
    },
  );

  it('iperf3 tells a server that is busy, one that is not there, and one that is none', async () => {
    const order = (port: number) => ({
      settings: throughputSettings(port, { type: 'iperf3', durationSeconds: 1, timeoutSeconds: 4 }),
      leg: { direction: 'down' } as const,
    });
    const busy = ['-c', lab.server.address('wlan0'), '-p', String(IPERF3.tcp), '-t', '20', '--forceflush'];
    const other = lab.client.spawn('iperf3', busy);
    await other.waitForLine(/\d +sec/);
    expect((await legs.run('eth0', order(IPERF3.tcp))).result).toMatchObject({ ok: false, reason: 'busy' });
    await other.stop();
    expect((await legs.run('eth0', order(5999))).result).toMatchObject({ ok: false, reason: 'refused' });
    const { result } = await legs.run('eth0', order(FTP));
    expect(result.ok).toBe(false);
  });
});
