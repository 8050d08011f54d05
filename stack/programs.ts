import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import type { Part } from './options.ts';

/** How to start each program that was found: the command without flags of ours. */
export type Programs = Readonly<Partial<Record<InstalledPart, readonly [string, ...string[]]>>>;

/** The programs that come from elsewhere. */
export type InstalledPart = Exclude<Part, 'exporter'>;

/** What the programs are called: upstream's name, and Debian's or an older one. */
const NAMES: Readonly<Record<InstalledPart, readonly string[]>> = {
  prometheus: ['prometheus'],
  alertmanager: ['alertmanager', 'prometheus-alertmanager'],
  grafana: ['grafana', 'grafana-server'],
};

/** How to get a program that is not there. */
export const HOW_TO_GET: Readonly<Record<InstalledPart, string>> = {
  prometheus: 'apt-get install prometheus on Debian, else https://prometheus.io/download/',
  alertmanager: 'apt-get install prometheus-alertmanager on Debian, else https://prometheus.io/download/#alertmanager',
  grafana: 'Debian has no package, see https://grafana.com/docs/grafana/latest/setup-grafana/installation/',
};

/** Looks for the programs in the folders of `path`, and beside each `bin` in `sbin`, which Debian gives to root alone. */
export function findPrograms(path: string): Programs {
  const folders = path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .flatMap((folder) => (basename(folder) === 'bin' ? [folder, join(dirname(folder), 'sbin')] : [folder]));
  const find = (part: InstalledPart) =>
    NAMES[part].flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
  const [prometheus, alertmanager, grafana] = [find('prometheus'), find('alertmanager'), find('grafana')];
  return {
    ...(prometheus !== undefined && { prometheus: [prometheus] }),
    ...(alertmanager !== undefined && { alertmanager: [alertmanager] }),
    ...(grafana !== undefined && { grafana: grafanaCommand(grafana) }),
  };
}

/**
 * Grafana finds its pages by its home folder: that of the unpacked archive, or of the package. The binary in there is started
 * itself, since the packages' programs of that name are shell scripts that keep signals from it and bring settings of their own.
 */
function grafanaCommand(program: string): readonly [string, ...string[]] {
  const real = realpathSync(program);
  const homes = [join(dirname(real), '..'), join(dirname(program), '../share/grafana')];
  const home = homes.find((folder) => existsSync(join(folder, 'conf/defaults.ini')));
  const binary = home === undefined ? undefined : [join(home, 'bin/grafana')].find(isProgram);
  const command = binary ?? program;
  return [
    command,
    ...(basename(command) === 'grafana' ? ['server'] : []),
    ...(home === undefined ? [] : [`--homepath=${home}`]),
  ];
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
