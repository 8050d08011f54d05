import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { loadYamlFile } from '../config/load.ts';
import { section } from '../config/section.ts';
import { readTextFile } from '../config/text-file.ts';
import { asExporterError } from '../errors.ts';

/** What a TLS server needs, as node:tls takes it; certificate chain and key in PEM. */
export interface TlsConfig {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** Who may read over HTTP, and how it is encrypted. */
export interface WebConfig {
  readonly tls?: TlsConfig;
  /** bcrypt hash by user; empty when everybody may. */
  readonly users: ReadonlyMap<string, string>;
}

/** Dearest bcrypt cost that is accepted: about a second per check; each step more doubles it. */
const MAXIMUM_COST = 14;

/** Most users. */
const MAXIMUM_USERS = 1000;

const VERSIONS = { TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const;

const bcryptHash = z.string().refine(
  (hash) => {
    const cost = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(hash)?.[1];
    return cost !== undefined && Number(cost) >= 4 && Number(cost) <= MAXIMUM_COST;
  },
  // The value is a secret, or somebody's plain password: never repeat it.
  { error: `expected a bcrypt hash of cost 4 to ${MAXIMUM_COST}, such as htpasswd -nB USER prints` },
);

const userName = z.string().refine((name) => /^[^:\p{C}]{1,255}$/u.test(name));

const schema = section({
  tls_server_config: section({
    cert_file: z.string().min(1, { error: 'expected a path, got ""' }),
    key_file: z.string().min(1, { error: 'expected a path, got ""' }),
    min_version: z
      .enum(['TLS12', 'TLS13'], {
        error: ({ input }) => `expected TLS12 or TLS13, got ${input === undefined ? 'nothing' : 'something else'}`,
      })
      .default('TLS12'),
  }).exactOptional(),
  basic_auth_users: z
    .record(userName, bcryptHash)
    .refine((users) => Object.keys(users).length <= MAXIMUM_USERS, { error: `expected at most ${MAXIMUM_USERS} users` })
    .default({}),
});

/**
 * Reads `--web.config.file` in the format of the Prometheus exporter-toolkit, and the certificate and key it names, relative
 * to its own folder. Throws ExporterError `invalid_configuration`, one line with file, line and key.
 */
export async function loadWebConfig(file: string): Promise<WebConfig> {
  const { value, problem } = await loadYamlFile(file, schema);
  const users = new Map(Object.entries(value.basic_auth_users));
  const tls = value.tls_server_config;
  if (tls === undefined) return { users };

  const read = async (key: 'cert_file' | 'key_file') => {
    try {
      return await readTextFile(resolve(dirname(file), tls[key]));
    } catch (caught) {
      throw problem(['tls_server_config', key], asExporterError(caught).message, caught);
    }
  };
  const check = (key: 'cert_file' | 'key_file', parts: { cert: string; key?: string }) => {
    try {
      createSecureContext(parts);
    } catch (caught) {
      const what = key === 'cert_file' ? 'a certificate in PEM' : 'the unencrypted private key of cert_file in PEM';
      throw problem(['tls_server_config', key], `expected ${what}: ${asExporterError(caught).message}`, caught);
    }
  };
  const cert = await read('cert_file');
  check('cert_file', { cert });
  const key = await read('key_file');
  check('key_file', { cert, key });
  return { users, tls: { cert, key, minVersion: VERSIONS[tls.min_version] } };
}
