import { subflowState } from '../mptcp/activity.ts';
import type { Path, Snapshot, Subflow } from '../mptcp/model.ts';
import { problems } from '../mptcp/problems.ts';
import type { Picture } from '../observer.ts';
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
      problems: [],
      paths: [],
      connections: 0,
      fallbacks: 0,
    };
  }
  const { snapshot } = picture;
  const connections = snapshot.sockets.value?.connections ?? [];
  const fallbacks = connections.filter(({ socket }) => socket.fallback === true).length;
  return {
    ...base,
    ...(snapshot.kernelRelease !== undefined && { release: snapshot.kernelRelease }),
    headline: headline(snapshot, connections.length - fallbacks),
    // Parts that fail for the same reason say so once.
    problems: [...new Set([...problems(snapshot).values()].map(({ message }) => message))],
    paths: snapshot.paths.map((path) => pagePath(path, picture)),
    connections: connections.length - fallbacks,
    fallbacks,
  };
}

function headline(snapshot: Snapshot, connections: number): string {
  if (snapshot.sockets.value === undefined) return 'MPTCP cannot be read';
  if (snapshot.sysctl?.value?.enabled === false) return 'MPTCP is switched off';
  if (connections === 0) return 'MPTCP is on: no connection uses it now';
  const used = new Set(snapshot.sockets.value.subflows.map(({ path }) => path)).size;
  return `MPTCP is on: ${count(connections, 'connection')} over ${count(used, 'path')}`;
}

function pagePath(path: Path, { snapshot, throughput, facts }: Picture): PagePath {
  const { name, interfaceName, addresses, access = facts.get(interfaceName ?? '')?.access, metered } = path;
  const subflows = (snapshot.sockets.value?.subflows ?? []).filter((subflow) => subflow.path === name);
  const { sendBytesPerSecond, receiveBytesPerSecond } = throughput.of(name) ?? {};
  const rttSeconds = meanRtt(subflows);
  return {
    name,
    addresses,
    subflows: subflows.length,
    words: words(subflows, carrierOf(interfaceName, snapshot), snapshot.sockets.value !== undefined),
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

function words(subflows: readonly Subflow[], carrier: boolean | undefined, known: boolean): string {
  if (carrier === false) return 'no carrier';
  if (!known) return 'not known';
  if (subflows.length === 0) return 'no subflow';
  const states = new Set(subflows.map(subflowState));
  if (states.has('active')) return 'carrying traffic';
  if (states.has('idle')) return 'idle';
  return states.has('backup') ? 'backup, idle' : 'closing';
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
