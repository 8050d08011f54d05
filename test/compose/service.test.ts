import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const fileOf = (name: string): string => fileURLToPath(new URL(`../../exporter/${name}`, import.meta.url));
const unit = readFileSync(fileOf('mptcp-exporter.service'), 'utf8');
const reflector = readFileSync(fileOf('mptcp-exporter-reflector.service'), 'utf8');
const able = spawnSync('systemd-analyze', ['--version']).status === 0;

describe.skipIf(!able).each([
  ['mptcp-exporter.service', unit],
  ['mptcp-exporter-reflector.service', reflector],
])('%s', (name, text) => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mptcp-unit-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is a unit that systemd takes without a word', () => {
    const file = join(folder, name);
    writeFileSync(file, text.replace('/usr/local/bin/mptcp-exporter', '/bin/true'));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    expect({ status, words: stdout + stderr }).toEqual({ status: 0, words: '' });
  });

  it('exposes less than 2 of 10 by the count of systemd-analyze security', () => {
    const args = ['security', '--offline=true', '--threshold=20', '--no-pager', fileOf(name)];
    const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    expect(status, stdout).toBe(0);
  });
});

describe("the reflector's unit", () => {
  it('has no capability, is not run with a wrong token again and again, and hands the token on by a file of its own', () => {
    expect(reflector).toMatch(/^CapabilityBoundingSet=$/m);
    expect(reflector).toMatch(/^RestartPreventExitStatus=2$/m);
    expect(reflector).toMatch(/^LoadCredential=token:/m);
    expect(reflector).not.toMatch(/^(?:MemoryDenyWriteExecute|PrivateNetwork)=/m);
  });
});

describe('the unit', () => {
  it('runs as a user of its own with CAP_NET_ADMIN alone, and stays able to run JavaScript', () => {
    expect(unit).toMatch(/^DynamicUser=yes$/m);
    expect(unit).toMatch(/^AmbientCapabilities=CAP_NET_ADMIN$/m);
    expect(unit).toMatch(/^CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW$/m);
    expect(unit).not.toMatch(/^(?:MemoryDenyWriteExecute|PrivateUsers|PrivateNetwork|ProcSubset)=/m);
  });

  it('has a directory for what must outlive it', () => {
    expect(unit).toMatch(/^StateDirectory=mptcp-exporter$/m);
  });

  it('does not start again and again with a configuration that is wrong', () => {
    expect(unit).toMatch(/^RestartPreventExitStatus=2$/m);
  });
});
