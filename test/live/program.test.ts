import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runExporter, startExporter } from '../support/exporter.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mptcp-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file of the test's own and returns its path. */
const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe('a start that cannot work', () => {
  it.each([
    ['an unknown flag', ['--bogus'], /^mptcp-exporter: --bogus: unknown flag.*--help/],
    ['a misspelt flag', ['--sample.intervall=1s'], /did you mean --sample\.interval\?/],
    ['a bad value', ['--sample.interval=fast'], /--sample\.interval: expected .*fast/],
    ['an unknown command', ['srve'], /srve: unknown command, expected one of serve/],
    [
      'a configuration that is missing',
      ['--config.file=/nonexistent/mptcp.yml'],
      /\/nonexistent\/mptcp\.yml.*no such file/i,
    ],
  ])('%s ends with status 2 and one line that names it', async (_name, args, line) => {
    const { status, stderr, stdout } = await runExporter({ args });
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  it.each([
    [
      'an unknown key',
      'paths:\n  - name: fibre\n    interfce: eth0\n',
      /:3: paths\[0\]\.interfce: unknown key.*did you mean interface/,
    ],
    ['not YAML', 'paths: [\n', /:\d+: /],
    ['a wrong type', 'paths: fibre\n', /:1: paths: expected/],
  ])('a configuration with %s names file, line and key', async (_name, text, line) => {
    const { status, stderr } = await runExporter({ args: ['--config.file', file('bad.yml', text)] });
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(status).toBe(2);
  });

  it('a folder in place of a configuration', async () => {
    const { status, stderr } = await runExporter({ args: ['--config.file', folder] });
    expect(stderr).toMatch(/folder|directory/);
    expect(status).toBe(2);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'a configuration that may not be read (as another user; needs root to try)',
    async () => {
      const path = file('secret.yml', 'paths: []\n');
      chmodSync(path, 0o600);
      chmodSync(folder, 0o755);
      const prefix = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
      // Without capabilities root is still the owner, so the file is given to nobody.
      const { status, stderr } = await runExporter({
        args: ['--config.file', path],
        prefix: ['sh', '-c', `chown 65534 "$1" && shift && exec "$@"`, 'sh', path, ...prefix],
      });
      expect(stderr).toMatch(/secret\.yml.*permission/i);
      expect(status).toBe(2);
    },
  );

  it('a port that is taken names the address and the flag', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const { status, stderr } = await runExporter({ args: [`--web.listen-address=127.0.0.1:${port}`] });
      expect(stderr).toContain(
        `127.0.0.1:${port} is taken. Stop the other program or choose another with --web.listen-address`,
      );
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(status).toBe(2);
    } finally {
      server.close();
    }
  });

  it('the procfs source on a kernel that has no such tables', async () => {
    const { status, stderr } = await runExporter({ args: ['--source=procfs'] });
    expect(stderr).toMatch(/--source=/);
    expect(status).toBe(2);
  });
});

describe('the program', () => {
  it('prints its version and help on standard output and ends with 0', async () => {
    const version = await runExporter({ args: ['--version'] });
    expect(version.stdout).toMatch(/^mptcp-exporter \d+\.\d+\.\d+ \(revision \w+, node v\d+/);
    expect(version.status).toBe(0);
    const help = await runExporter({ args: ['--help'] });
    for (const flag of [
      '--config.file',
      '--web.listen-address',
      '--web.config.file',
      '--source',
      '--sample.interval',
    ]) {
      expect(help.stdout).toContain(flag);
    }
    for (const flag of ['--subflow.limit', '--no-collector.mib', '--log.level', '--log.format', '--path.procfs']) {
      expect(help.stdout).toContain(flag);
    }
    expect(help.status).toBe(0);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends within 1 s on %s with status 0, also with a scraper connected',
    async (signal) => {
      await using exporter = await startExporter();
      const { Agent, get } = await import('node:http');
      const agent = new Agent({ keepAlive: true });
      await new Promise((resolve) =>
        get(`${exporter.url}/metrics`, { agent }, (response) => response.resume().on('end', resolve)),
      );
      const start = performance.now();
      const { status } = await exporter.stop(signal);
      expect(performance.now() - start).toBeLessThan(1000);
      expect(status).toBe(0);
      agent.destroy();
    },
  );

  it('writes logs as logfmt, and as JSON when asked', async () => {
    await using exporter = await startExporter({ args: ['--path.procfs=/proc'] });
    expect(exporter.log()).toMatch(/^ts=\S+ level=info msg="reading the kernel" source=\w+/);
    const json = await runExporter({
      args: ['--log.format=json', '--web.listen-address=127.0.0.1:1', '--config.file=/nonexistent'],
    });
    expect(json.status).toBe(2);
  });

  it('serves an out-of-tree kernel from a captured /proc', async () => {
    const procfs = new URL('../fixtures/out-of-tree-v0.91', import.meta.url).pathname;
    await using exporter = await startExporter({ args: [`--path.procfs=${procfs}`] });
    const body = await (await fetch(`${exporter.url}/metrics`)).text();
    expect(body).toMatch(/mptcp_source_info\{source="procfs",kernel="out-of-tree",/);
    expect(body).toContain('mptcp_capability{capability="subflow_bytes"} 0');
    expect(body).not.toMatch(/^mptcp_subflow_sent_bytes_total\{/m);
  });
});
