import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { randomPassword } from './password.ts';

// `npm run setup`: writes .env, with a random password for Grafana, and says what next. What is there is never overwritten.
// The folder may be given, for tests.

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const KEY = 'GRAFANA_ADMIN_PASSWORD';

/** Gives the exit status: 1 when there is a .env that lacks the password. */
function setup(folder: string): number {
  const file = `${folder}/.env`;
  const shown = relative(process.cwd(), file) || file;
  if (existsSync(file)) {
    if (parseEnv(readFileSync(file, 'utf8'))[KEY]) {
      console.log(`${shown} is there already, with a password for Grafana: left as it is.`);
      return next();
    }
    console.error(
      `${shown} is there already and is left as it is, but it has no ${KEY}: add a line ${KEY}=, with the password`,
    );
    return 1;
  }
  const example = readFileSync(`${ROOT}.env.example`, 'utf8');
  const text = example.replace(new RegExp(`^${KEY}=$`, 'm'), `${KEY}=${randomPassword()}`);
  // wx: one that appeared meanwhile stays too.
  writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
  console.log(
    `wrote ${shown}, for your eyes only, with a random password for Grafana's user admin:  grep ${KEY} ${shown}`,
  );
  return next();
}

function next(): number {
  console.log('next:  docker compose up -d   then open http://127.0.0.1:3000');
  console.log('or:    npm run stack          with the programs of this machine, without Docker');
  return 0;
}

process.exit(setup(process.argv[2] ?? ROOT.replace(/\/$/, '')));
