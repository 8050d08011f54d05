import { fourTuple } from './four-tuple.ts';
import {
  type ConnectionRecord,
  type JoinedSockets,
  type NetworkInterface,
  type Outcome,
  type Path,
  type PathManager,
  type PathRule,
  type Reading,
  type Snapshot,
  type SocketRecords,
  SUBFLOW_FLAG,
  type Subflow,
  type SubflowRecord,
  type SubflowRole,
} from './model.ts';
import { type PathMatcher, UNKNOWN_PATH } from './path-rules.ts';

/** What joining needs besides the reading. */
export interface AssembleContext {
  readonly rules: readonly PathRule[];
  /** Compiled from `rules`; kept by the caller so that its address cache outlives one reading. */
  readonly match: PathMatcher;
  /** The look before: a subflow whose address has left its interface keeps the path it had. */
  readonly previous?: Snapshot | undefined;
  /** Whether connections to this peer are probes of ours; none when absent. */
  readonly isOwn?: ((peer: SocketAddress) => boolean) | undefined;
}

/**
 * Joins a reading: subflows to connections by token (by inode where the kernel hides tokens), to interfaces by bound device or else by local address,
 * to paths by the first matching rule or else by interface.
 */
export function assemble(reading: Reading, context: AssembleContext): Snapshot {
  const interfaces = reading.interfaces.value ?? [];
  const sockets: Snapshot['sockets'] =
    reading.sockets.value === undefined
      ? { failure: reading.sockets.failure }
      : { value: joinSockets(reading.sockets.value, placer(interfaces, context), context) };
  return { ...reading, sockets, paths: listPaths(reading, sockets.value?.subflows ?? [], interfaces, context) };
}

/** The endpoints' interface, by index where the source knows only that. */
export function endpointInterface(
  endpoint: { readonly interfaceName?: string; readonly interfaceIndex?: number; readonly address: string },
  interfaces: readonly NetworkInterface[],
): string | undefined {
  if (endpoint.interfaceName !== undefined) return endpoint.interfaceName;
  const owner =
    endpoint.interfaceIndex === undefined
      ? interfaces.find((candidate) => candidate.addresses.some(({ address }) => address === endpoint.address))
      : interfaces.find(({ index }) => index === endpoint.interfaceIndex);
  return owner?.name;
}

/** What tells where a subflow runs. */
export type Placeable = Pick<SubflowRecord, 'local' | 'remote' | 'boundInterfaceIndex' | 'boundInterfaceName'>;

/** Where a subflow runs; without an interface when none of them owns its local address. */
export interface Place {
  readonly path: string;
  readonly interfaceName?: string;
}

/** Makes the judge of where subflows run: on the interface they are bound to, else the one that owns their local address. */
export function placer(
  interfaces: readonly NetworkInterface[],
  context: Pick<AssembleContext, 'rules' | 'match'>,
): (subflow: Placeable) => Place {
  const locate = interfaceLocator(interfaces);
  const pathOf = pathNamer(context);
  return (subflow) => {
    const interfaceName = locate(subflow);
    const path = pathOf(interfaceName, subflow);
    return interfaceName === undefined ? { path } : { path, interfaceName };
  };
}

function interfaceLocator(interfaces: readonly NetworkInterface[]): (subflow: Placeable) => string | undefined {
  const byIndex = new Map<number, string>();
  const byAddress = new Map<string, string>();
  for (const { name, index, addresses, carrier } of interfaces) {
    if (index !== undefined) byIndex.set(index, name);
    for (const { address } of addresses) {
      // The same address on two interfaces: the one with carrier is the one that can move data.
      if (!byAddress.has(address) || carrier === true) byAddress.set(address, name);
    }
  }
  return ({ boundInterfaceName, boundInterfaceIndex, local }) =>
    boundInterfaceName ??
    (boundInterfaceIndex === undefined ? undefined : byIndex.get(boundInterfaceIndex)) ??
    byAddress.get(local.address);
}

/** Identity of a socket over time: its cookie, else what tells it from all others at one moment. */
function socketKey(record: ConnectionRecord | SubflowRecord): string | number {
  if (record.cookie !== undefined) return record.cookie;
  const { local, remote, token } = record;
  return `${fourTuple(local, remote)}#${token ?? ''}`;
}

function joinSockets(
  records: SocketRecords,
  placeOf: (subflow: Placeable) => Place,
  context: AssembleContext,
): JoinedSockets {
  const byToken = new Map<number, number>();
  const byInode = new Map<number, number>();
  records.connections.forEach(({ token, inode }, index) => {
    if (token !== undefined) byToken.set(token, index);
    else if (inode !== undefined && inode !== 0) byInode.set(inode, index);
  });
  const connectionOf = ({ token, inode }: SubflowRecord) =>
    token === undefined ? byInode.get(inode ?? 0) : byToken.get(token);
  const remembered = previousPlaces(context.previous);
  const subflows = records.subflows.map((record): Subflow => {
    const key = socketKey(record);
    const place = placeOf(record);
    const { path, interfaceName } = place.interfaceName === undefined ? (remembered().get(key) ?? place) : place;
    const connection = connectionOf(record);
    return {
      socket: record,
      key,
      path,
      interfaceName,
      role: roleOf(record.flags),
      backup: record.flags === undefined ? undefined : isBackup(record.flags),
      connection,
    };
  });
  const members = membersOf(records.connections.length, subflows);
  const connections = records.connections.map((record, index) => ({
    socket: record,
    key: socketKey(record),
    subflows: members[index] ?? [],
    own: context.isOwn?.(record.remote) ?? false,
  }));
  const { connectionsFailure } = records;
  return { connections, subflows, ...(connectionsFailure !== undefined && { connectionsFailure }) };
}

/** The subflows of each connection by index, in lists of just their length: one that grows has room for 17 at once. */
function membersOf(connections: number, subflows: readonly Subflow[]): readonly (readonly number[])[] {
  const sizes = new Uint32Array(connections);
  for (const { connection } of subflows) {
    if (connection !== undefined) sizes[connection] = (sizes[connection] ?? 0) + 1;
  }
  const members = Array.from(sizes, (size) => new Array<number>(size));
  sizes.fill(0);
  subflows.forEach(({ connection }, index) => {
    const list = connection === undefined ? undefined : members[connection];
    if (connection === undefined || list === undefined) return;
    const used = sizes[connection] ?? 0;
    list[used] = index;
    sizes[connection] = used + 1;
  });
  return members;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Built only when some subflow has lost its interface, which is rare. */
function previousPlaces(previous: Snapshot | undefined): () => ReadonlyMap<string | number, Subflow> {
  let places: Map<string | number, Subflow> | undefined;
  return () => {
    places ??= new Map((previous?.sockets.value?.subflows ?? []).map((subflow) => [subflow.key, subflow]));
    return places;
  };
}

function pathNamer({
  rules,
  match,
}: Pick<AssembleContext, 'rules' | 'match'>): (name: string | undefined, subflow: Placeable) => string {
  if (rules.length === 0) return (name) => name ?? UNKNOWN_PATH;
  return (name, { local, remote }) => {
    const candidate = { local: local.address, remote: remote.address };
    const rule = match(name === undefined ? candidate : { ...candidate, interfaceName: name });
    return rule?.name ?? name ?? UNKNOWN_PATH;
  };
}

function roleOf(flags: number | undefined): SubflowRole | undefined {
  if (flags === undefined) return undefined;
  if (flags & (SUBFLOW_FLAG.joinLocal | SUBFLOW_FLAG.joinRemote)) return 'join';
  return flags & (SUBFLOW_FLAG.capableLocal | SUBFLOW_FLAG.capableRemote) ? 'initial' : undefined;
}

function isBackup(flags: number): boolean {
  return (flags & (SUBFLOW_FLAG.backupLocal | SUBFLOW_FLAG.backupRemote)) !== 0;
}

/** An interface could carry a path when it is not loopback and owns an address that others can reach. */
function couldCarry({ loopback, addresses }: NetworkInterface): boolean {
  return !loopback && addresses.some(({ address, scope }) => (scope ?? scopeOf(address)) === 'global');
}

function scopeOf(address: string): string {
  return /^(fe[89ab]|169\.254\.)/i.test(address) ? 'link' : 'global';
}

interface PathDraft {
  readonly name: string;
  readonly rule: PathRule | undefined;
  readonly interfaces: Set<string>;
  readonly localAddresses: Set<string>;
  /** Subflows known to be in normal use, and those set aside. */
  regular: number;
  backups: number;
}

function listPaths(
  reading: Reading,
  subflows: readonly Subflow[],
  interfaces: readonly NetworkInterface[],
  context: AssembleContext,
): Path[] {
  const drafts = new Map<string, PathDraft>();
  const draft = (name: string): PathDraft => {
    let found = drafts.get(name);
    if (found === undefined) {
      const rule = context.rules.find((candidate) => candidate.name === name);
      found = { name, rule, interfaces: new Set(), localAddresses: new Set(), regular: 0, backups: 0 };
      if (rule?.interface !== undefined) found.interfaces.add(rule.interface);
      drafts.set(name, found);
    }
    return found;
  };
  for (const rule of context.rules) draft(rule.name);
  for (const candidate of interfaces) {
    if (couldCarry(candidate)) placeInterface(candidate, draft, context);
  }
  for (const { path: name, interfaceName, backup, socket } of subflows) {
    const path = draft(name);
    if (backup === true) path.backups++;
    else if (backup === false) path.regular++;
    if (interfaceName !== undefined && path.interfaces.size < LIST_LIMIT) path.interfaces.add(interfaceName);
    if (path.localAddresses.size < LIST_LIMIT) path.localAddresses.add(socket.local.address);
  }
  return [...drafts.values()].map((entry) => finishPath(entry, reading.endpoints, interfaces));
}

/** Puts an interface on every path that its own addresses name, so that idle uplinks are listed too. */
function placeInterface(
  candidate: NetworkInterface,
  draft: (name: string) => PathDraft,
  { rules, match }: AssembleContext,
): void {
  const names = new Set<string>();
  for (const { address } of candidate.addresses) {
    const rule = match({ interfaceName: candidate.name, local: address });
    if (rule !== undefined) names.add(rule.name);
  }
  // With rules, an interface that none of them names is not one of the user's uplinks until a subflow runs on it.
  if (rules.length === 0) names.add(candidate.name);
  for (const name of names) draft(name).interfaces.add(candidate.name);
}

/** More interfaces or addresses than this are not listed for one path; the rest is in the subflows. */
const LIST_LIMIT = 4;

function finishPath(
  entry: PathDraft,
  endpoints: Outcome<PathManager> | undefined,
  interfaces: readonly NetworkInterface[],
): Path {
  const { name, rule } = entry;
  const own = interfaces
    .filter((candidate) => entry.interfaces.has(candidate.name))
    .flatMap(({ addresses }) => addresses.filter(({ address, scope }) => (scope ?? scopeOf(address)) === 'global'))
    .map(({ address }) => address);
  const addresses =
    own.length > 0 && rule?.local === undefined && rule?.remote === undefined ? own : [...entry.localAddresses];
  const mine = (endpoints?.value?.endpoints ?? []).filter((endpoint) => {
    const on = endpointInterface(endpoint, interfaces);
    return addresses.includes(endpoint.address) || (on !== undefined && entry.interfaces.has(on));
  });
  const path: Mutable<Path> = {
    name,
    addresses: [...new Set(addresses)].sort().slice(0, LIST_LIMIT),
    endpointIds: mine.map(({ id }) => id),
  };
  const interfaceNames = [...entry.interfaces].sort();
  if (interfaceNames.length > 0) path.interfaceName = interfaceNames.slice(0, LIST_LIMIT).join(',');
  if (rule?.access !== undefined) path.access = rule.access;
  if (rule?.metered !== undefined) path.metered = rule.metered;
  if (entry.regular + entry.backups > 0) path.backup = entry.regular === 0;
  else if (mine.length > 0) path.backup = mine.every(({ flags }) => flags.includes('backup'));
  return path;
}
