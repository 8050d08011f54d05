import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeLive } from '../lab/vitest.ts';
import { procTree } from '../linux/proc/tree.ts';
import { type RunningExporter, runExporter, startExporter } from '../support/exporter.ts';
import { type Scrape, scrapeIn } from '../support/exposition.ts';
import { withoutNativeModules, withoutProgram } from '../support/hide.ts';

const KOFFI_BINARIES = fileURLToPath(new URL('../../node_modules/@koromix', import.meta.url));
const WITHOUT_NET_ADMIN = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'];
const WITHOUT_CAPABILITIES = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
const AS_NOBODY = [...WITHOUT_CAPABILITIES, '--reuid=65534', '--regid=65534', '--clear-groups'];

/** Ends the exporter, so that its log is whole, and gives the lines that are not mere information. */
async function complaints(exporter: RunningExporter): Promise<string[]> {
  const { stderr } = await exporter.stop();
  return stderr.split('\n').filter((line) => / level=(?!info)/.test(line));
}

/** The collectors that lacked something. */
const failing = (scrape: Scrape): string[] =>
  scrape
    .samples('mptcp_scrape_collector_success')
    .flatMap(({ labels, value }) => (value === 0 ? [labels.collector ?? ''] : []))
    .sort();

/** Said where koffi does not load, whatever the source. */
const NO_CHECKS = expect.stringMatching(/level=warn msg="paths cannot be checked, .* code=ffi_unavailable/);
const NEED_SOCKETS = ['connections', 'health', 'paths', 'source', 'subflows'];

const page = (host: Host, exporter: RunningExporter) => host.exec('curl', ['-sSf', '--max-time', '10', exporter.url]);

/** A directory of the running test's own. */
function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mptcp-failures-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describeLive('with MPTCP traffic over two links', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({ links: [{ name: 'eth0' }, { name: 'wlan0' }] });
    await lab.startTraffic({ bytes: 'unlimited', rateMbit: 4 });
  });
  afterAll(async () => lab?.close());

  /** Everything about the one connection is there: both subflows, on their own paths, with bytes. */
  function expectWholePicture(scrape: Scrape): void {
    expect(scrape.value('mptcp_up')).toBe(1);
    expect(failing(scrape)).toEqual([]);
    const [connection] = scrape.samples('mptcp_connection_subflows');
    expect(connection).toMatchObject({ labels: { token: expect.stringMatching(/^[0-9a-f]{8}$/) }, value: 2 });
    const subflows = scrape.samples('mptcp_subflow_info').map(({ labels }) => [labels.path, labels.role, labels.token]);
    expect(subflows.sort()).toEqual([
      ['eth0', 'initial', connection?.labels.token],
      ['wlan0', 'join', connection?.labels.token],
    ]);
    const sent = scrape.samples('mptcp_subflow_sent_bytes_total').reduce((sum, { value }) => sum + value, 0);
    expect(sent).toBeGreaterThan(0);
    expect(scrape.samples('mptcp_endpoint_info')).toHaveLength(2);
  }

  /** Scrapes once the join has been seen. */
  async function scrapeJoined(exporter: RunningExporter): Promise<Scrape> {
    const subflows = async () => (await scrapeIn(lab.client, exporter.url)).samples('mptcp_subflow_info').length;
    await expect.poll(subflows, { timeout: 20_000 }).toBe(2);
    return scrapeIn(lab.client, exporter.url);
  }

  describe('an exporter without privileges', () => {
    /** As another user where that user may read the program, else as root without any capability. */
    async function ordinary(): Promise<readonly string[]> {
      const { status } = await runExporter({ prefix: AS_NOBODY, args: ['--version'] });
      if (status === 0) return AS_NOBODY;
      console.warn('an ordinary user may not read this checkout: tried as root without capabilities instead');
      return WITHOUT_CAPABILITIES;
    }

    it.each([
      ['without CAP_NET_ADMIN', () => WITHOUT_NET_ADMIN],
      ['as an ordinary user, without any capability', ordinary],
    ])(
      '%s reads and joins everything on this kernel, and warns once of each thing that it lacks',
      async (_name, prefix) => {
        await using exporter = await startExporter({ prefix: [...lab.client.prefix, ...(await prefix())] });
        expectWholePicture(await scrapeJoined(exporter));
        expect(await complaints(exporter)).toEqual([
          expect.stringMatching(
            /level=warn msg="running without CAP_NET_ADMIN: .*systemd unit, or with setpriv --ambient/,
          ),
          expect.stringMatching(/level=warn msg="not permitted to listen to .*CAP_NET_ADMIN.*code=permission_denied/),
        ]);
      },
    );
  });

  describe('an exporter on a machine without ss', () => {
    it('with --source=ss says which package it needs, once, and serves all the rest', async () => {
      const prefix = [...lab.client.prefix, ...withoutProgram('ss', temporary())];
      await using exporter = await startExporter({ prefix, args: ['--source=ss', '--sample.interval=200ms'] });
      for (let scrapes = 0; scrapes < 5; scrapes++) await scrapeIn(lab.client, exporter.url);
      const scrape = await scrapeIn(lab.client, exporter.url);
      expect(scrape.value('mptcp_up')).toBe(0);
      expect(failing(scrape)).toEqual(NEED_SOCKETS);
      expect(scrape.value('mptcp_enabled')).toBe(1);
      expect(scrape.samples('mptcp_endpoint_info')).toHaveLength(2);
      expect(scrape.value('mptcp_mib_mp_capable_syntx_total')).toBeGreaterThan(0);
      expect(scrape.value('mptcp_interface_transmit_bytes_total', { interface: 'eth0' })).toBeGreaterThan(0);
      const reason = { collector: 'sockets', reason: 'tool_missing' };
      expect(scrape.value('mptcp_exporter_errors_total', reason)).toBeGreaterThan(2);
      for (const family of ['mptcp_connections', 'mptcp_subflow_info', 'mptcp_path_subflows']) {
        expect(scrape.samples(family), family).toEqual([]);
      }
      expect(await page(lab.client, exporter)).toMatch(/MPTCP cannot be read.*apt-get install iproute2/s);
      expect(await complaints(exporter)).toEqual([
        expect.stringMatching(/level=warn msg="ss is not installed .*apt-get install iproute2\)\." part=sockets/),
      ]);
    });

    it('with --source=auto lacks nothing', async () => {
      const prefix = [...lab.client.prefix, ...withoutProgram('ss', temporary())];
      await using exporter = await startExporter({ prefix });
      const scrape = await scrapeJoined(exporter);
      expectWholePicture(scrape);
      expect(scrape.value('mptcp_source_info', { source: 'netlink' })).toBe(1);
      expect(await complaints(exporter)).toEqual([]);
    });
  });

  describe("an exporter whose FFI does not load (koffi's binaries are empty files)", () => {
    it('with --source=auto says so and reads everything through ss', async () => {
      const prefix = [...lab.client.prefix, ...withoutNativeModules(KOFFI_BINARIES, temporary())];
      await using exporter = await startExporter({ prefix });
      const scrape = await scrapeJoined(exporter);
      expectWholePicture(scrape);
      expect(scrape.samples('mptcp_source_info')[0]?.labels.source).toBe('ss');
      expect(exporter.log()).toMatch(
        /source=ss .*reason="netlink cannot be used \(cannot load koffi on this platform: /,
      );
      expect(await complaints(exporter)).toEqual([NO_CHECKS]);
    });

    it('with --source=netlink ends with status 2 and one line that names the other source', async () => {
      const prefix = withoutNativeModules(KOFFI_BINARIES, temporary());
      const { status, stderr, stdout } = await runExporter({ prefix, args: ['--source=netlink'] });
      expect(stderr).toMatch(/^mptcp-exporter: cannot load koffi on this platform: .*\. Use --source=ss\.\n$/);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    });

    it('and that does not find ss either says which package it needs, and serves what files and ip tell', async () => {
      const folder = temporary();
      const lacking = [...withoutProgram('ss', folder), ...withoutNativeModules(KOFFI_BINARIES, folder)];
      await using exporter = await startExporter({ prefix: [...lab.client.prefix, ...lacking] });
      const scrape = await scrapeIn(lab.client, exporter.url);
      expect(scrape.value('mptcp_up')).toBe(0);
      expect(failing(scrape)).toEqual(NEED_SOCKETS);
      expect(await complaints(exporter)).toEqual([NO_CHECKS, expect.stringContaining('apt-get install iproute2')]);
    });
  });

  describe('an exporter on a kernel without MPTCP (simulated: a /proc without it, over this kernel)', () => {
    const withoutMptcp = () =>
      procTree({ 'sys/kernel/osrelease': '6.1.0-none\n', 'net/netstat': 'TcpExt: SyncookiesSent\nTcpExt: 0\n' });

    it('says for counters and settings which kernel has them, once each, and serves the rest', async () => {
      const args = ['--path.procfs', withoutMptcp(), '--sample.interval=200ms'];
      await using exporter = await startExporter({ prefix: lab.client.prefix, args });
      for (let scrapes = 0; scrapes < 3; scrapes++) await scrapeIn(lab.client, exporter.url);
      const scrape = await scrapeIn(lab.client, exporter.url);
      expect(failing(scrape)).toEqual(['health', 'mib', 'sysctl']);
      expect(scrape.samples('mptcp_enabled')).toEqual([]);
      expect(scrape.body).not.toMatch(/^mptcp_mib_/m);
      expect(scrape.value('mptcp_capability', { capability: 'mib' })).toBe(0);
      expect(scrape.value('mptcp_interface_carrier', { interface: 'wlan0' })).toBe(1);
      expect(exporter.log()).toContain('source=netlink kernel=upstream reason="there is no MPTCP under ');
      expect((await complaints(exporter)).sort()).toEqual(
        ['mib', 'sysctl'].map((part) =>
          expect.stringMatching(`level=warn .*Boot a kernel built with CONFIG_MPTCP, .* part=${part} `),
        ),
      );
    });

    it('with --source=ss has no sockets to read either, says so, and goes on serving the interfaces', async () => {
      const args = ['--path.procfs', withoutMptcp(), '--source=ss'];
      await using exporter = await startExporter({ prefix: lab.client.prefix, args });
      const scrape = await scrapeIn(lab.client, exporter.url);
      expect(scrape.value('mptcp_up')).toBe(0);
      expect(failing(scrape)).toEqual([...NEED_SOCKETS, 'endpoints', 'mib', 'sysctl'].sort());
      expect(scrape.value('mptcp_interface_carrier', { interface: 'eth0' })).toBe(1);
      const lines = await complaints(exporter);
      expect(lines).toHaveLength(4);
      for (const line of lines) expect(line).toContain('Boot a kernel built with CONFIG_MPTCP');
    });
  });
});

describeLive('an exporter where MPTCP is switched off', () => {
  it('says how to switch it on, in the log and on the page, and notices when that is done', async () => {
    await using lab = await createLab({ links: [{ name: 'eth0' }], sysctls: { 'net.mptcp.enabled': 0 } });
    await using exporter = await startExporter({ prefix: lab.client.prefix });
    const scrape = await scrapeIn(lab.client, exporter.url);
    expect([scrape.value('mptcp_up'), scrape.value('mptcp_enabled')]).toEqual([1, 0]);
    expect(failing(scrape)).toEqual([]);
    expect(await page(lab.client, exporter)).toMatch(/MPTCP is switched off.*sysctl -w net\.mptcp\.enabled=1/s);
    await lab.client.exec('sysctl', ['-w', 'net.mptcp.enabled=1']);
    expect((await scrapeIn(lab.client, exporter.url)).value('mptcp_enabled')).toBe(1);
    expect(await page(lab.client, exporter)).toContain('MPTCP is on');
    expect(await complaints(exporter)).toEqual([
      expect.stringContaining('Switch it on with sysctl -w net.mptcp.enabled=1'),
    ]);
    expect(exporter.log()).toContain('level=info msg="MPTCP is switched on"');
  });
});
