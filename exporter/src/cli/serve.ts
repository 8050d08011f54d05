import { setTimeout as sleep } from 'node:timers/promises';
import { formatListenAddress } from '../config/listen-address.ts';
import { loadConfiguration } from '../config/load.ts';
import { ErrorTally } from '../error-tally.ts';
import { createApp } from '../http/app.ts';
import { pageModel } from '../http/page-model.ts';
import { listen, warnings } from '../http/server.ts';
import { loadWebConfig } from '../http/web-config.ts';
import { InterfaceFactsCache } from '../linux/interface-facts.ts';
import { kernelRelease } from '../linux/proc/kernel.ts';
import { runsWithNetAdmin } from '../linux/proc/privileges.ts';
import { COLLECTORS } from '../metrics/collectors/index.ts';
import { type BuildInfo, MetricsRegistry } from '../metrics/registry.ts';
import { PARTS } from '../mptcp/model.ts';
import { Observer } from '../observer.ts';
import { openSource } from '../source/choose.ts';
import type { ServeOptions } from './flags.ts';
import { pathLog } from './health-log.ts';
import { createLog } from './log.ts';
import { outageLog } from './outage-log.ts';
import { openPathChecks } from './path-checks.ts';
import { openProbes, type Probes } from './probes.ts';
import { stopSignal } from './stop-signal.ts';
import { fitYoungGeneration } from './young-generation.ts';

/** Open requests get this long after SIGTERM; the whole shutdown stays within a second. */
const DRAIN_MS = 700;

const WITHOUT_NET_ADMIN =
  'running without CAP_NET_ADMIN: kernels before about 6.15 then hide which subflow belongs to which connection. ' +
  'Run it by the systemd unit, or with setpriv --ambient-caps +net_admin --inh-caps +net_admin';

/** `serve`: reads the kernel and serves the metrics until SIGTERM or SIGINT. Throws when it cannot start. */
export async function serve(options: ServeOptions, build: BuildInfo): Promise<void> {
  const log = createLog(options);
  const stopRequested = stopSignal();
  const configuration = await loadConfiguration(options.configFile);
  const { paths: rules, health: settings } = configuration;
  const webConfig = options.webConfigFile === undefined ? undefined : await loadWebConfig(options.webConfigFile);
  const { source, reason } = await openSource({ source: options.source, procfs: options.procfs });

  const errors = new ErrorTally();
  const logOutage = outageLog(log);
  const collectors = COLLECTORS.filter(({ name }) => options.collectors[name] ?? true);
  const facts = new InterfaceFactsCache((error) => {
    errors.count('facts', error.code);
    log.debug({ code: error.code }, `link speed and signal not learnt: ${error.line}`);
  });
  const checks = await openPathChecks({
    settings,
    log,
    errors,
    onResult: (result) => observer.answer(result),
  });
  const probes = openProbes({
    configuration,
    snapshot: () => observer.snapshot,
    log,
    errors,
  });
  const observer: Observer = new Observer({
    source,
    kernelRelease: await kernelRelease(options.procfs).catch(() => undefined),
    rules,
    sampleIntervalMs: options.sampleIntervalMs,
    subflowLimit: options.subflowLimit,
    parts: new Set(PARTS.filter((part) => collectors.some(({ parts }) => parts.includes(part)))),
    errors,
    health: {
      settings,
      ...(checks !== undefined && { checks }),
      ...(probes !== undefined && { probes: () => probes.prober.evidence }),
      onChange: pathLog(log),
    },
    ...(probes !== undefined && { probes: probes.picture, isOwn: probes.isOwn }),
    facts: () => facts.current,
    onLook: (snapshot) => {
      fitYoungGeneration(snapshot.sockets.value?.subflows.length ?? 0);
      logOutage(snapshot);
    },
    onEventsRefused: ({ code, message }) => log.warn({ part: 'events', code }, message),
  });
  const registry = new MetricsRegistry({
    collectors,
    build,
    onError: (collector, error) => {
      errors.count('metrics', error.code);
      log.error({ collector, code: error.code }, error.line);
    },
  });
  const app = createApp({
    scrape: async ({ timeoutMs }) => {
      const exposition = await registry.render(await observer.look(timeoutMs));
      return { contentType: exposition.contentType, body: exposition.bytes, release: () => exposition.release() };
    },
    ready: () => observer.snapshot !== undefined,
    page: () => pageModel(observer.picture, source, build),
    count: (code) => errors.count('http', code),
    ...(webConfig !== undefined && { webConfig }),
  });

  const servers = await listen(app, options.listenAddresses, {
    report: (error) => {
      errors.count('http', error.code);
      log.error({ code: error.code }, error.line);
    },
    ...(webConfig?.tls !== undefined && { tls: webConfig.tls }),
  });
  for (const line of warnings(options.listenAddresses, webConfig)) log.warn(line);
  if ((await runsWithNetAdmin().catch(() => undefined)) === false) log.warn(WITHOUT_NET_ADMIN);
  log.info({ source: source.name, kernel: source.kernel, reason, version: build.version }, 'reading the kernel');
  const scheme = webConfig?.tls === undefined ? 'http' : 'https';
  for (const address of servers.addresses) {
    log.info({ url: `${scheme}://${formatListenAddress(address)}/` }, 'listening');
  }

  // Not awaited: a first look that hangs must not keep SIGTERM from ending the program.
  void observer.start().then(() => probes?.prober.start()); // which have to know where the paths are
  facts.start();
  const signal = await stopRequested;
  log.info({ signal }, 'stopping');
  facts.stop();
  checks?.stop();
  await Promise.all([
    servers.close(DRAIN_MS),
    Promise.race([Promise.all([observer.stop(), stopProbes(probes)]), sleep(DRAIN_MS)]),
  ]);
  source.close();
  log.info('stopped');
  // What is still pending (a child process, a read) must not hold up whoever waits for us.
  process.exit(0);
}

/** Ends them first, so that the account is closed with all they have moved. */
async function stopProbes(probes: Probes | undefined): Promise<void> {
  await probes?.prober.stop();
  await probes?.budget?.close();
}
