import { subflowState } from '../mptcp/activity.ts';
import type { PathState } from '../mptcp/health/states.ts';
import type { Path, Snapshot, Subflow } from '../mptcp/model.ts';
import { problems } from '../mptcp/problems.ts';
import type { Picture } from '../observer/picture.ts';
import { findings } from './findings.ts';
import { isTrouble, pathWords, verdict } from './health-words.ts';
import type { PageModel, PagePath } from './page.ts';

/** Puts a picture into the landing page's words; before the first look there is no picture. */
export function pageModel(
  picture: Picture | undefined,
  source: { readonly name: string; readonly kernel: string },
  { version }: { readonly version: string },
): PageModel {
  const base = { version, source: source.name, kernel: source.kernel };
  if (picture === undefined) {
    return {
      ...base,
      headline: 'Starting: the kernel has not been read yet',
      troubled: false,
      problems: [],
      paths: [],
      findings: [],
      connections: 0,
      fallbacks: 0,
    };
  }
  const { snapshot } = picture;
  const connections = snapshot.sockets.value?.connections ?? [];
  const fallbacks = connections.filter(({ socket }) => socket.fallback === true).length;
  const judged = judgedPaths(picture);
  return {
    ...base,
    ...(snapshot.kernelRelease !== undefined && { release: snapshot.kernelRelease }),
    headline: headline(snapshot, connections.length - fallbacks, judged),
    troubled: judged.some(({ state }) => isTrouble(state)),
    // Parts that fail for the same reason say so once.
    problems: [...new Set([...problems(snapshot).values()].map(({ message }) => message))],
    paths: [...snapshot.paths, ...vanished(snapshot, judged)].map((path) => pagePath(path, picture)),
    findings: findings(picture),
    connections: connections.length - fallbacks,
    fallbacks,
  };
}

interface Judged {
  readonly name: string;
  readonly state: PathState;
}

function judgedPaths({ health }: Picture): readonly Judged[] {
  if (!health.known) return [];
  return [...health.paths].map(([name, { judgement }]) => ({ name, state: judgement.state }));
}

/** Paths that no interface or subflow shows any more, and that are missed: an unplugged stick. */
function vanished({ paths }: Snapshot, judged: readonly Judged[]): Path[] {
  const listed = new Set(paths.map(({ name }) => name));
  return judged
    .filter(({ name, state }) => !listed.has(name) && isTrouble(state))
    .map(({ name }) => ({ name, addresses: [], endpointIds: [] }));
}

function headline(snapshot: Snapshot, connections: number, judged: readonly Judged[]): string {
  if (snapshot.sockets.value === undefined) return 'MPTCP cannot be read';
  if (snapshot.sysctl?.value?.enabled === false) return 'MPTCP is switched off';
  if (connections === 0)
    return `MPTCP is on: no connection uses it now${verdict(judged.filter(({ state }) => isTrouble(state)))}`;
  const used = new Set(snapshot.sockets.value.subflows.map(({ path }) => path)).size;
  return `MPTCP is on: ${count(connections, 'connection')} over ${count(used, 'path')}${verdict(judged)}`;
}

function pagePath(path: Path, { snapshot, throughput, facts, health }: Picture): PagePath {
  const { name, interfaceName, addresses, access = facts.get(interfaceName ?? '')?.access, metered } = path;
  const subflows = (snapshot.sockets.value?.subflows ?? []).filter((subflow) => subflow.path === name);
  const { sendBytesPerSecond, receiveBytesPerSecond } = throughput.of(name) ?? {};
  const rttSeconds = meanRtt(subflows);
  const judged = health.known ? health.paths.get(name) : undefined;
  return {
    name,
    addresses,
    subflows: subflows.length,
    ...pathWords(judged, carrierOf(interfaceName, snapshot), Date.now() / 1000),
    ...(interfaceName !== undefined && { interface: interfaceName }),
    ...(access !== undefined && { access }),
    ...(metered !== undefined && { metered }),
    ...(sendBytesPerSecond !== undefined && { sendBytesPerSecond }),
    ...(receiveBytesPerSecond !== undefined && { receiveBytesPerSecond }),
    ...(rttSeconds !== undefined && { rttSeconds }),
  };
}

function carrierOf(interfaceName: string | undefined, snapshot: Snapshot): boolean | undefined {
  return snapshot.interfaces.value?.find(({ name }) => name === interfaceName)?.carrier;
}

/** Mean over the subflows that move data, else over all: what an idle one last measured may be of another time. */
function meanRtt(subflows: readonly Subflow[]): number | undefined {
  const moving = subflows.filter((subflow) => subflowState(subflow) === 'active');
  return mean(rtts(moving)) ?? mean(rtts(subflows));
}

const rtts = (subflows: readonly Subflow[]): number[] =>
  subflows.map(({ socket }) => socket.tcp.rttSeconds).filter((rtt): rtt is number => rtt !== undefined);

const mean = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
