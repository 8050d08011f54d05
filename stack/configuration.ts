import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DEFAULT_PORTS, type Ports } from './options.ts';

/** Changes the text of a configuration file. */
export type Change = (text: string) => string;

/** Puts these ports where the shipped configuration has the default ones. */
export function withPorts(ports: Ports): Change {
  const moved = new Map(
    (Object.keys(DEFAULT_PORTS) as (keyof Ports)[]).map((part) => [`${DEFAULT_PORTS[part]}`, `${ports[part]}`]),
  );
  return (text) => text.replaceAll(/\b127\.0\.0\.1:(\d+)\b/g, (_, port) => `127.0.0.1:${moved.get(port) ?? port}`);
}

/**
 * Shows the folder `shipped` at `place` (replaced if there), with `change` made in its YAML files. What it leaves as it is
 * becomes a link, so that paths in the files lead where they did and edits of the shipped files take effect.
 */
export function showConfiguration(shipped: string, place: string, change: Change): void {
  rmSync(place, { recursive: true, force: true });
  if (!isChanged(shipped, change)) symlinkSync(shipped, place);
  else if (statSync(shipped).isDirectory()) {
    mkdirSync(place);
    for (const name of readdirSync(shipped)) showConfiguration(join(shipped, name), join(place, name), change);
  } else writeFileSync(place, change(readFileSync(shipped, 'utf8')));
}

function isChanged(shipped: string, change: Change): boolean {
  // Nothing in there is shipped, and it may be closed to this user.
  if (basename(shipped) === 'secrets') return false;
  if (statSync(shipped).isDirectory())
    return readdirSync(shipped).some((name) => isChanged(join(shipped, name), change));
  if (!/\.ya?ml$/.test(shipped)) return false;
  const text = readFileSync(shipped, 'utf8');
  return change(text) !== text;
}
