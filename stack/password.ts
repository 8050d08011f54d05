import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

/** A new password: 144 random bits, in letters, digits, - and _ so that no file or shell needs quotes around it. */
export const randomPassword = (): string => randomBytes(18).toString('base64url');

/** A password, and in words where its owner finds it. */
export interface KnownPassword {
  readonly password: string;
  readonly from: string;
}

/**
 * Grafana's first password: GRAFANA_ADMIN_PASSWORD of the environment, else of `envFile`, else the one kept in `ownFile`, which
 * is made when needed, readable by its owner alone.
 */
export function grafanaPassword(environment: NodeJS.ProcessEnv, envFile: string, ownFile: string): KnownPassword {
  const given = environment.GRAFANA_ADMIN_PASSWORD;
  if (given) return { password: given, from: 'the one in GRAFANA_ADMIN_PASSWORD' };
  const written = existsSync(envFile) ? parseEnv(readFileSync(envFile, 'utf8')).GRAFANA_ADMIN_PASSWORD : undefined;
  if (written) return { password: written, from: `the one in ${envFile}` };
  if (!existsSync(ownFile)) writeFileSync(ownFile, `${randomPassword()}\n`, { mode: 0o600 });
  return { password: readFileSync(ownFile, 'utf8').trim(), from: `the one in ${ownFile}` };
}
