import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

const FIXTURES = join(import.meta.dirname, '../../fixtures');

/** The absolute path of a fixture. */
export function fixturePath(name: string): string {
  return join(FIXTURES, name);
}

/** The text of a fixture. */
export function fixture(name: string): string {
  return readFileSync(fixturePath(name), 'utf8');
}

/** A /proc of the given files in a temporary directory, which goes when the test ends. */
export function procTree(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'mptcp-exporter-proc-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

/** Every file of a made-up tree of the v0.91 kernel, some replaced (by text) or left out (by null). */
export function outOfTree(changes: Readonly<Record<string, string | null>> = {}): string {
  const names = [
    'net/mptcp_net/mptcp',
    'net/mptcp_net/snmp',
    'net/tcp',
    'net/tcp6',
    'net/dev',
    'net/route',
    'net/fib_trie',
    'net/if_inet6',
    'sys/net/mptcp/mptcp_enabled',
    'sys/net/mptcp/mptcp_scheduler',
    'sys/net/mptcp/mptcp_path_manager',
    'sys/kernel/osrelease',
  ];
  const files = new Map(names.map((name) => [name, fixture(`out-of-tree-v0.91/${name}`)]));
  for (const [name, text] of Object.entries(changes)) {
    if (text === null) files.delete(name);
    else files.set(name, text);
  }
  return procTree(Object.fromEntries(files));
}
