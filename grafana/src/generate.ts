import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DASHBOARDS, rendered } from './dashboards.ts';

/** How the files in `folder` differ from what the source gives: a line each, none when they are the same. */
function differences(folder: string): string[] {
  const present = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const found = present.filter((name) => !(name in DASHBOARDS)).map((name) => `${name} has no source`);
  for (const [name, build] of Object.entries(DASHBOARDS)) {
    if (!present.includes(name)) found.push(`${name} is missing`);
    else if (readFileSync(join(folder, name), 'utf8') !== rendered(build())) found.push(`${name} is out of date`);
  }
  return found;
}

const args = process.argv.slice(2);
const check = args.includes('--check');
const folder =
  args.find((argument) => argument !== '--check') ?? fileURLToPath(new URL('../dashboards', import.meta.url));

if (check) {
  const found = differences(folder);
  if (found.length > 0) {
    console.error(`${folder}: ${found.join(', ')}. Run npm run generate and commit it`);
    process.exitCode = 1;
  }
} else {
  mkdirSync(folder, { recursive: true });
  for (const [name, build] of Object.entries(DASHBOARDS)) writeFileSync(join(folder, name), rendered(build()));
}
