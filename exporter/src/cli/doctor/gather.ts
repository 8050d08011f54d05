import { DEFAULT_PROCFS } from '../../config/defaults.ts';
import { ExporterError } from '../../errors.ts';
import { loadLibc } from '../../linux/libc.ts';
import { isEthernet } from '../../linux/link-type.ts';
import { kernelRelease } from '../../linux/proc/kernel.ts';
import { runsWithNetAdmin } from '../../linux/proc/privileges.ts';
import { reversePathFilter } from '../../linux/proc/reverse-path.ts';
import { clockSynchronised } from '../../linux/tool/clock.ts';
import { run } from '../../linux/tool/exec.ts';
import { readRoute } from '../../linux/tool/ip-route.ts';
import { iproute2Version } from '../../linux/tool/iproute2.ts';
import { parseExposition } from '../../metrics/parse.ts';
import { type NetworkInterface, PARTS, type PathManagerEndpoint, type Reading } from '../../mptcp/model.ts';
import { openSource } from '../../source/choose.ts';
import { outcome } from '../../source/outcome.ts';
import { EXPORTER_URL, fetchExposition } from '../status/exporter.ts';
import type { EndpointWay, Facts, Scraping, Way } from './facts.ts';

const PROMETHEUS_URL = 'http://127.0.0.1:9090';
const TIMEOUT_MS = 3000;

/** Addresses for documentation (RFC 5737, RFC 3849): somewhere on the internet. Nothing is sent to them. */
const FAR_AWAY = { 4: '203.0.113.1', 6: '2001:db8::1' } as const;

/** Looks at everything that `doctor` judges by; never throws, and sends nothing but a question to exporter and Prometheus on loopback. */
export async function gatherFacts(): Promise<Facts> {
  const [look, netAdmin, ip, ss, systemCalls, synchronised, exporter, prometheus] = await Promise.all([
    lookOnce(),
    runsWithNetAdmin().catch(() => undefined),
    outcome(() => release('ip')),
    outcome(() => release('ss')),
    outcome(() => loadLibc()),
    clockSynchronised(run, TIMEOUT_MS).catch(() => undefined),
    outcome(async () => parseExposition(await fetchExposition(EXPORTER_URL))),
    outcome(askPrometheus),
  ]);
  const { reading, reason } = look;
  const interfaces = reading.interfaces.value ?? [];
  const endpoints = reading.endpoints?.value?.endpoints ?? [];
  return {
    reading,
    sourceReason: reason,
    netAdmin,
    tools: { ip, ss },
    systemCalls: systemCalls.failure,
    ways: ip.value === undefined ? [] : await Promise.all(endpoints.map((endpoint) => wayOf(endpoint, interfaces))),
    clockSynchronised: synchronised,
    exporter,
    prometheus,
  };
}

async function lookOnce(): Promise<{ readonly reading: Reading; readonly reason: string }> {
  const { source, reason } = await openSource({ source: 'auto', procfs: DEFAULT_PROCFS });
  try {
    const reading = await source.read(new Set(PARTS));
    const name = await kernelRelease(DEFAULT_PROCFS).catch(() => undefined);
    return { reading: { ...reading, ...(name !== undefined && { kernelRelease: name }) }, reason };
  } finally {
    source.close();
  }
}

async function release(program: 'ip' | 'ss'): Promise<string> {
  const { major, minor } = await iproute2Version(run, program, TIMEOUT_MS);
  return `${major}.${minor}`;
}

async function wayOf(endpoint: PathManagerEndpoint, interfaces: readonly NetworkInterface[]): Promise<EndpointWay> {
  const family = endpoint.address.includes(':') ? 6 : 4;
  const bound = boundInterface(endpoint, interfaces);
  const question = { destination: FAR_AWAY[family], from: endpoint.address };
  const ask = (interfaceName?: string) =>
    outcome(async (): Promise<Way | undefined> => {
      const route = await readRoute(
        run,
        { ...question, ...(interfaceName !== undefined && { interfaceName }) },
        TIMEOUT_MS,
      );
      if (route === undefined) return undefined;
      const ethernet = await isEthernet(route.interfaceName);
      return { ...route, ...(ethernet !== undefined && { ethernet }) };
    });
  const filter =
    family === 4 && bound !== undefined
      ? await reversePathFilter(DEFAULT_PROCFS, bound).catch(() => undefined)
      : undefined;
  return {
    endpoint,
    way: await ask(bound),
    ...(bound !== undefined && { unboundWay: await ask() }),
    ...(filter !== undefined && { reversePathFilter: filter }),
  };
}

/** The interface that an endpoint binds its subflows to. */
function boundInterface(
  { interfaceName, interfaceIndex }: PathManagerEndpoint,
  interfaces: readonly NetworkInterface[],
): string | undefined {
  return interfaceName ?? interfaces.find(({ index }) => index !== undefined && index === interfaceIndex)?.name;
}

async function askPrometheus(): Promise<Scraping> {
  const query = new URLSearchParams({ query: 'up{job="mptcp"}' });
  let json: unknown;
  try {
    const answer = await fetch(`${PROMETHEUS_URL}/api/v1/query?${query}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    json = await answer.json();
  } catch (caught) {
    throw new ExporterError('connection_refused', `no Prometheus answers at ${PROMETHEUS_URL}`, { cause: caught });
  }
  const result = (json as { data?: { result?: readonly { value: readonly [number, string] }[] } }).data?.result ?? [];
  return { url: PROMETHEUS_URL, targets: result.length, up: result.filter(({ value }) => value[1] === '1').length };
}
