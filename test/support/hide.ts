import { existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Directories that the exporter looks for programs in beside those of the PATH. */
const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** In a mount namespace of its own: a copy of directory $1 without the program $2 over it, made in $3. */
const WITHOUT_PROGRAM = `set -e
mount -t tmpfs none "$3"
mkdir "$3/upper" "$3/work"
mknod "$3/upper/$2" c 0 0
mount -t overlay overlay -o "lowerdir=$1,upperdir=$3/upper,workdir=$3/work" "$1"
shift 3
exec "$@"`;

/** In a mount namespace of its own: file $1 over each of the files up to "--". */
const OVER_FILES = `set -e
over=$1
while shift && [ "$1" != -- ]; do mount --bind "$over" "$1"; done
shift
exec "$@"`;

/**
 * What to put before a command so that it cannot find a program of the machine's, which everybody else still has; needs root.
 * `folder` is an empty directory of the test's own.
 */
export function withoutProgram(program: string, folder: string): string[] {
  const directories = [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_DIRECTORIES];
  const holding = directories
    .filter((directory) => existsSync(join(directory, program)))
    .map((one) => realpathSync(one));
  return [...new Set(holding)].flatMap((directory, index) => {
    const scratch = join(folder, String(index));
    mkdirSync(scratch, { recursive: true });
    return ['unshare', '-m', 'sh', '-c', WITHOUT_PROGRAM, 'sh', directory, program, scratch];
  });
}

/**
 * What to put before a command so that no native module in a package folder loads (each is an empty file); needs root.
 * `folder` is an empty directory of the test's own.
 */
export function withoutNativeModules(packages: string, folder: string): string[] {
  const empty = join(folder, 'empty.node');
  writeFileSync(empty, '');
  const modules = readdirSync(packages, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.node'));
  if (modules.length === 0) throw new Error(`there is no native module under ${packages}`);
  const paths = modules.map((name) => join(packages, name));
  return ['unshare', '-m', 'sh', '-c', OVER_FILES, 'sh', empty, ...paths, '--'];
}
