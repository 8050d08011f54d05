import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// What Docker does with `user: node`, `cap_drop: ALL` and `cap_add: NET_ADMIN`, done with setpriv: nothing is permitted to the
// process, and NET_ADMIN is all that a file capability may give it. Needs root and a file system with extended attributes.

const dockerfile = readFileSync(new URL('../../exporter/Dockerfile', import.meta.url), 'utf8');
const [launcher = '', ...args] = JSON.parse(/^ENTRYPOINT (\[.+\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[];
const options = args.slice(0, args.indexOf('node'));
const capability = new RegExp(`setcap (\\S+) \\S*/${launcher}$`, 'm').exec(dockerfile)?.[1] ?? '';

const able = process.getuid?.() === 0 && spawnSync('setcap', ['-h']).error === undefined;
const NET_ADMIN = '0000000000001000';

describe.skipIf(!able)("the image's entrypoint, as an ordinary user", () => {
  let folder: string;
  let file: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mptcp-entrypoint-'));
    chmodSync(folder, 0o755);
    file = join(folder, launcher);
    copyFileSync('/usr/bin/setpriv', file);
    expect(spawnSync('setcap', [capability, file], { encoding: 'utf8' })).toMatchObject({ status: 0 });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Runs `command` behind the entrypoint in such a container, which may `gain` these capabilities. */
  function contained(gain: string, command: string, containerOptions: readonly string[] = []) {
    const user = ['--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all', `--bounding-set=-all${gain}`];
    const inner = `exec ${[file, ...options].join(' ')} ${command}`;
    return spawnSync('setpriv', [...user, ...containerOptions, 'sh', '-c', inner], { encoding: 'utf8' });
  }

  it('gives the exporter and its children CAP_NET_ADMIN, nothing else, and no way to more', () => {
    const { stdout, stderr } = contained(',+net_admin', `sh -c 'cat /proc/self/status'`);
    expect(stderr).toBe('');
    for (const set of ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb']) expect(stdout).toContain(`${set}:\t${NET_ADMIN}`);
    expect(stdout).toContain('NoNewPrivs:\t1');
    expect(stdout).toContain('Uid:\t65534\t65534\t65534\t65534');
  });

  it('names the capability when the container was started without it', () => {
    const { status, stderr } = contained('', 'true');
    expect(status).not.toBe(0);
    expect(stderr).toContain('with-cap-net-admin');
  });

  it('could not do so under the security option no-new-privileges, which is why the exporter has none', () => {
    expect(contained(',+net_admin', 'true', ['--no-new-privs']).status).not.toBe(0);
  });
});
