import { formatListenAddress } from '../config/listen-address.ts';
import { asExporterError, ExporterError } from '../errors.ts';
import { createMetricsApp } from '../http/app.ts';
import { isLoopback, listen, warnings } from '../http/server.ts';
import { loadWebConfig } from '../http/web-config.ts';
import { loadLibc } from '../linux/libc.ts';
import { renderReflector } from '../metrics/reflector.ts';
import type { BuildInfo } from '../metrics/registry.ts';
import { readToken } from '../reflector/protocol/token.ts';
import { Reflector } from '../reflector/reflector.ts';
import { createLog } from './log.ts';
import type { ReflectorCommandOptions } from './reflector-flags.ts';
import { stopSignal } from './stop-signal.ts';

/** Open scrapes get this long after SIGTERM. */
const DRAIN_MS = 500;

/** `reflector`: answers probes until SIGTERM or SIGINT. Throws when it cannot start. */
export async function reflect(options: ReflectorCommandOptions, build: BuildInfo): Promise<void> {
  const log = createLog(options);
  const stopRequested = stopSignal();
  const token = options.tokenFile === undefined ? undefined : await readToken(options.tokenFile);
  const open = options.addresses.find(({ host }) => !isLoopback(host));
  if (token === undefined && open !== undefined) {
    const where = formatListenAddress(open);
    throw new ExporterError('invalid_flag', `--reflector.listen-address: ${where} is open to others without a token`, {
      remedy: 'Set --reflector.token-file (openssl rand -hex 32 makes a token), or listen on 127.0.0.1',
    });
  }
  const webConfig = options.webConfigFile === undefined ? undefined : await loadWebConfig(options.webConfigFile);
  const report = (caught: unknown): void => {
    const { code, line } = asExporterError(caught);
    log.error({ code }, line);
  };
  const { addresses, limits, webAddresses } = options;
  const reflector = await Reflector.start({ addresses, token, limits, libc: loadLibc, report });
  const app = createMetricsApp({
    scrape: () => renderReflector(reflector, build),
    count: () => undefined, // logged by the scraper, and there is nothing to read that could fail
    ...(webConfig !== undefined && { webConfig }),
  });
  const tls = webConfig?.tls;
  const servers = await listen(app, webAddresses, { report, ...(tls !== undefined && { tls }) }).catch(
    async (caught) => {
      await reflector.close();
      throw caught;
    },
  );
  for (const line of warnings(webAddresses, webConfig)) log.warn(line);
  for (const { withoutMptcp, ...address } of reflector.addresses) {
    const where = formatListenAddress(address);
    if (withoutMptcp !== undefined) {
      log.warn({ address: where, code: withoutMptcp.code }, `without MPTCP, over TCP alone: ${withoutMptcp.line}`);
    }
    log.info({ address: where, token: token !== undefined, version: build.version }, 'answering probes');
  }
  for (const address of servers.addresses) {
    log.info({ url: `${tls === undefined ? 'http' : 'https'}://${formatListenAddress(address)}/metrics` }, 'listening');
  }
  const signal = await stopRequested;
  log.info({ signal }, 'stopping');
  await Promise.all([servers.close(DRAIN_MS), reflector.close()]);
  log.info('stopped');
  process.exit(0);
}
