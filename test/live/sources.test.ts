import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { endpointInterface } from '../../exporter/src/mptcp/assemble.ts';
import {
  CAPABILITIES,
  type Snapshot,
  SUBFLOW_FLAG,
  type Subflow,
  type SubflowRecord,
  type TcpInfo,
} from '../../exporter/src/mptcp/model.ts';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import type { Traffic } from '../lab/traffic/traffic.ts';
import { describeLive } from '../lab/vitest.ts';
import { startExporter } from '../support/exporter.ts';
import { type Scrape, scrapeIn } from '../support/exposition.ts';
import type { Look, Plain } from './read-sources.ts';

const PROGRAM = fileURLToPath(new URL('read-sources.ts', import.meta.url));
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** Looks at a host's kernel through both sources, from within its namespace. */
async function look(host: Host, count: number): Promise<readonly Look[]> {
  const text = await host.exec(process.execPath, ['--import', TSX, PROGRAM, String(count)], { timeoutMs: 30_000 });
  return JSON.parse(text) as readonly Look[];
}

type Picture = Plain<Snapshot>;

const BYTES = ['sentBytes', 'receivedBytes', 'acknowledgedBytes', 'retransmittedBytes'] as const;
const AGES = ['lastDataSentSeconds', 'lastDataReceivedSeconds', 'lastAcknowledgementSeconds'] as const;
/** `ss` prints these in whole milliseconds, the kernel counts them in microseconds. */
const MILLISECONDS = ['busySeconds', 'receiveWindowLimitedSeconds', 'sendBufferLimitedSeconds'] as const;

const ROUNDED_OR_GROWING: ReadonlySet<string> = new Set([...AGES, ...MILLISECONDS]);

type Bytes = { readonly [Name in (typeof BYTES)[number]]?: number | undefined };

const socketsOf = (picture: Picture) => {
  if (picture.sockets.value === undefined) throw new Error(`no sockets: ${picture.sockets.failure.message}`);
  return picture.sockets.value;
};
const subflowsOf = (picture: Picture) => socketsOf(picture).subflows;
const byKey = <T extends { readonly key: string | number }>(rows: readonly T[]): ReadonlyMap<string | number, T> =>
  new Map(rows.map((row) => [row.key, row]));

/** Pairs each row of ss with netlink's of the same key right before and after; fails when they are not the same rows. */
function triples<T extends { readonly key: string | number }>(
  { before, ss, after }: Look,
  rows: (p: Picture) => readonly T[],
) {
  const [earlier, later] = [byKey(rows(before)), byKey(rows(after))];
  const keys = (picture: Picture) =>
    rows(picture)
      .map(({ key }) => key)
      .sort();
  expect(keys(ss)).toEqual(keys(before));
  expect(keys(ss)).toEqual(keys(after));
  return rows(ss).map((row) => {
    const [first, last] = [earlier.get(row.key), later.get(row.key)];
    if (first === undefined || last === undefined) throw new Error(`only ss has ${row.key}`);
    return { before: first, ss: row, after: last };
  });
}

/** Fails unless each counter that `ss` tells lies between netlink's. */
function expectBetween(before: Bytes, ss: Bytes, after: Bytes, of: string): void {
  for (const name of BYTES) {
    if (ss[name] === undefined) continue;
    expect(ss[name], `${name} of ${of}`).toBeGreaterThanOrEqual(before[name] ?? Number.NaN);
    expect(ss[name], `${name} of ${of}`).toBeLessThanOrEqual(after[name] ?? Number.NaN);
  }
}

/** Nothing arrived or left between the looks. */
const isQuiet = (before: TcpInfo, after: TcpInfo) => BYTES.every((name) => before[name] === after[name]);

/** What of a subflow no traffic changes: whether it is bound instead of to which device, as the sources name that differently. */
function identity({ key, path, interfaceName, role, backup, socket }: Plain<Subflow>) {
  const { tcp, sendQueueBytes, boundInterfaceIndex, boundInterfaceName, flags = 0, ...rest } = socket;
  return {
    ...{ key, path, interfaceName, role, backup, ...rest },
    flags: flags & ~SUBFLOW_FLAG.mapValid, // set while a mapping is being received
    congestionControl: tcp.congestionControl,
    isBound: boundInterfaceIndex !== undefined || boundInterfaceName !== undefined,
  };
}

/** What does not move with the traffic, so that two scrapes must tell the same. */
const UNMOVED = [
  'mptcp_up',
  'mptcp_enabled',
  'mptcp_sysctl',
  'mptcp_scheduler_info',
  'mptcp_path_manager_info',
  'mptcp_connections',
  'mptcp_connection_subflows',
  'mptcp_subflow_info',
  'mptcp_subflow_series_hidden',
  'mptcp_path_info',
  'mptcp_endpoint_info',
  'mptcp_limit_subflows',
  'mptcp_limit_add_addr_accepted',
  'mptcp_interface_carrier',
  'mptcp_interface_carrier_changes_total',
  'mptcp_scrape_collector_success',
];
/** What `ss` releases before 6.5 cannot tell; `mptcp_capability` says so then. */
const CONNECTION_BYTES = ['sent', 'received', 'retransmitted'].map((what) => `mptcp_connection_${what}_bytes_total`);
/** Present only after something went wrong and was repaired. */
const OCCASIONAL = 'mptcp_exporter_errors_total';

const families = ({ body }: Scrape) =>
  new Set([...body.matchAll(/^([a-z]\w*)[ {]/gm)].map(([, name = '']) => name).filter((name) => name !== OCCASIONAL));

/** What a reading shows; whether there are events shows when they are asked for. */
const READ_CAPABILITIES = CAPABILITIES.filter((name) => name !== 'events');
const EVENTS = 'mptcp_pm_events_total';

describeLive('the netlink and the ss source on one machine', () => {
  let lab: Lab;
  let plain: Traffic;
  const looks: Record<'client' | 'server', readonly Look[]> = { client: [], server: [] };

  beforeAll(async () => {
    lab = await createLab({
      links: [
        { name: 'eth0', rateMbit: 50 },
        { name: 'wlan0', rateMbit: 40 },
        { name: 'lte0', rateMbit: 20, endpoint: ['subflow', 'backup'] },
      ],
      limits: { subflows: 6, addAddrAccepted: 1 },
    });
    const idle = { bytes: 1000, hold: true } as const;
    const moving = { bytes: 'unlimited', rateMbit: 8 } as const;
    [plain] = await Promise.all([
      lab.startTraffic({ ...idle, client: 'tcp', server: 'tcp' }),
      lab.startTraffic({ ...idle, server: 'tcp' }),
      lab.startTraffic(idle),
    ]);
    await Promise.all([
      lab.startTraffic({ ...moving, direction: 'up', family: 6 }),
      lab.startTraffic({ ...moving, direction: 'down', dualStackListener: true }),
    ]);
    // Three connections of three subflows each, and at the client the one that fell back.
    for (const [host, expected] of [
      [lab.client, 10],
      [lab.server, 9],
    ] as const) {
      const allJoined = async () => {
        const [picture] = await look(host, 1);
        const subflows = picture === undefined ? [] : socketsOf(picture.before).subflows;
        expect(subflows.filter(({ socket }) => socket.state === 'established')).toHaveLength(expected);
      };
      await vi.waitFor(allJoined, { timeout: 40_000, interval: 200 });
    }
    looks.client = await look(lab.client, 5);
    looks.server = await look(lab.server, 5);
  }, 120_000);
  afterAll(async () => lab?.close());

  describe.each(['client', 'server'] as const)('at the %s', (role) => {
    it('are shown the whole scene: both families, a backup link, idle, moving and fallen back', () => {
      expect(looks[role]).toHaveLength(5);
      for (const { ss } of looks[role]) {
        const { connections, subflows } = socketsOf(ss);
        expect(connections.filter(({ socket }) => socket.fallback !== true)).toHaveLength(3);
        expect(connections.filter(({ socket }) => socket.fallback === true)).toHaveLength(role === 'client' ? 1 : 0);
        expect(subflows.filter(({ backup }) => backup === true)).toHaveLength(3);
        expect(subflows.filter(({ socket }) => socket.local.address.includes(':'))).toHaveLength(3);
      }
      const moved = looks[role].flatMap((one) =>
        triples(one, subflowsOf).filter(({ before, after }) => !isQuiet(before.socket.tcp, after.socket.tcp)),
      );
      expect(moved.length, 'subflows whose counters moved within a look').toBeGreaterThan(0);
    });

    it('list the same connections, with the same token, addresses, state, subflows and bytes', () => {
      for (const one of looks[role]) {
        for (const { before, ss, after } of triples(one, (picture) => socketsOf(picture).connections)) {
          const { cookie, inode, token, state, local, remote, fallback, remoteKeyReceived } = ss.socket;
          const { additionalSubflows, totalSubflows = before.socket.totalSubflows } = ss.socket;
          const told = { cookie, inode, token, state, local, remote, fallback, remoteKeyReceived };
          expect(before.socket).toMatchObject({ ...told, additionalSubflows, totalSubflows });
          expect(after.socket).toMatchObject(told);
          const members = (picture: Picture, indices: readonly number[]) =>
            indices.map((index) => socketsOf(picture).subflows[index]?.key).sort();
          expect(members(one.ss, ss.subflows)).toEqual(members(one.before, before.subflows));
          expectBetween(before.socket, ss.socket, after.socket, `connection ${token}`);
        }
      }
    });

    it('list the same subflows, with the same addresses, ids, flags, role, backup, interface and path', () => {
      for (const one of looks[role]) {
        for (const { before, ss } of triples(one, subflowsOf)) expect(identity(ss)).toEqual(identity(before));
      }
    });

    it("count the same bytes: those of ss lie between netlink's right before and after", () => {
      for (const one of looks[role]) {
        for (const { before, ss, after } of triples(one, subflowsOf)) {
          const of = `${ss.socket.local.address}:${ss.socket.local.port}`;
          for (const name of BYTES) expect(ss.socket.tcp[name], `${name} of ${of}`).toBeDefined();
          expectBetween(before.socket.tcp, ss.socket.tcp, after.socket.tcp, of);
        }
      }
    });

    it('tell the same of a subflow that rests: round trip, window, rates, times', () => {
      let compared = 0;
      for (const one of looks[role]) {
        for (const { before, ss, after } of triples(one, subflowsOf)) {
          const [earlier, own, later] = [before.socket.tcp, ss.socket.tcp, after.socket.tcp];
          const { lastAcknowledgementSeconds: rested = 0 } = earlier;
          if (!isQuiet(earlier, later) || rested < 1 || (later.lastAcknowledgementSeconds ?? 0) < rested) continue;
          compared++;
          expect(Object.keys(own).sort()).toEqual(Object.keys(earlier).sort());
          for (const age of AGES) {
            expect(own[age], age).toBeGreaterThanOrEqual(earlier[age] ?? Number.NaN);
            expect(own[age], age).toBeLessThanOrEqual(later[age] ?? Number.NaN);
          }
          for (const time of MILLISECONDS) {
            expect(Math.abs((own[time] ?? Number.NaN) - (earlier[time] ?? Number.NaN)), time).toBeLessThan(0.001);
          }
          const exact = ({ tcp, sendQueueBytes }: SubflowRecord) =>
            Object.entries({ ...tcp, sendQueueBytes }).filter(([name]) => !ROUNDED_OR_GROWING.has(name));
          expect(exact(ss.socket).sort()).toEqual(exact(before.socket).sort());
        }
      }
      expect(compared).toBeGreaterThan(0);
    });

    it('leave plain TCP out', () => {
      for (const { before, ss } of looks[role]) {
        for (const picture of [before, ss]) {
          const { connections, subflows } = socketsOf(picture);
          const ports = [...connections, ...subflows].flatMap(({ socket }) => [socket.local.port, socket.remote.port]);
          expect(ports).not.toContain(plain.target.port);
        }
      }
    });

    it('know the same paths, interfaces, endpoints and limits', () => {
      for (const { before, ss, after } of looks[role]) {
        expect(ss.paths).toEqual(before.paths);
        const still = (picture: Picture) => picture.interfaces.value?.map(({ counters, ...rest }) => rest);
        expect(still(ss)).toEqual(still(before));
        const counters = (picture: Picture) =>
          new Map(
            picture.interfaces.value?.flatMap(({ name, counters: own = {} }) =>
              Object.entries(own).map(([counter, value]) => [`${counter} of ${name}`, value]),
            ),
          );
        const [earlier, later] = [counters(before), counters(after)];
        expect(earlier.size).toBeGreaterThanOrEqual(4 * 6);
        for (const [name, value] of counters(ss)) {
          expect(value, name).toBeGreaterThanOrEqual(earlier.get(name) ?? Number.NaN);
          expect(value, name).toBeLessThanOrEqual(later.get(name) ?? Number.NaN);
        }
        const endpoints = (picture: Picture) =>
          picture.endpoints?.value?.endpoints.map((endpoint) => {
            const { interfaceIndex, interfaceName, ...rest } = endpoint;
            return { ...rest, on: endpointInterface(endpoint, picture.interfaces.value ?? []) };
          });
        expect(endpoints(ss)).toEqual(endpoints(before));
        expect(endpoints(ss)).toHaveLength(role === 'client' ? 4 : 0);
        expect(ss.endpoints?.value?.limits).toEqual({ subflows: 6, addAddrAccepted: 1 });
        expect(before.endpoints?.value?.limits).toEqual({ subflows: 6, addAddrAccepted: 1 });
      }
    });

    it('read the same counters and settings, and nothing went wrong', () => {
      for (const { before, ss, after } of looks[role]) {
        expect(ss.sysctl?.value).toEqual(before.sysctl?.value);
        expect(Object.keys(ss.mib?.value ?? {})).toEqual(Object.keys(before.mib?.value ?? {}));
        expect(ss.mib?.value?.MPCurrEstab).toBe(before.mib?.value?.MPCurrEstab);
        for (const [name, value] of Object.entries(ss.mib?.value ?? {})) {
          expect(value, name).toBeGreaterThanOrEqual(before.mib?.value?.[name] ?? Number.NaN);
          expect(value, name).toBeLessThanOrEqual(after.mib?.value?.[name] ?? Number.NaN);
        }
        expect([ss.incidents, ss.kernel]).toEqual([[], before.kernel]);
      }
    });

    it('have the same capabilities, but for the connection fields that an older ss does not print', () => {
      for (const { before, ss } of looks[role]) {
        expect(Object.keys(before.capabilities).sort()).toEqual([...READ_CAPABILITIES].sort());
        const lacking = READ_CAPABILITIES.filter((name) => ss.capabilities[name] !== before.capabilities[name]);
        expect(['connection_bytes', 'connection_ages']).toEqual(expect.arrayContaining(lacking));
        for (const { socket } of socketsOf(ss).connections) {
          expect(socket.sentBytes !== undefined).toBe(ss.capabilities.connection_bytes);
          expect(socket.lastDataSentSeconds !== undefined).toBe(ss.capabilities.connection_ages);
        }
      }
    });
  });

  it('--source=auto is netlink and says so, and --source=ss serves the same families with the same labels', async () => {
    const inside = { prefix: lab.client.prefix };
    await using automatic = await startExporter(inside);
    await using named = await startExporter({ ...inside, args: ['--source=ss'] });
    expect(automatic.log()).toContain('source=netlink kernel=upstream reason="the kernel has upstream MPTCP"');
    expect(named.log()).toContain('source=ss kernel=upstream reason="--source=ss"');
    const scrapeBoth = async () => ({
      netlink: await scrapeIn(lab.client, automatic.url),
      ss: await scrapeIn(lab.client, named.url),
    });

    const told = (scrape: Scrape, family: string) =>
      scrape
        .samples(family)
        .map((sample) => JSON.stringify(sample))
        .sort();
    const difference = async () => {
      const { netlink, ss } = await scrapeBoth();
      const [full, own] = [families(netlink), families(ss)];
      const excused = ss.value('mptcp_capability', { capability: 'connection_bytes' }) === 0 ? CONNECTION_BYTES : [];
      return {
        // Only netlink tells what happens between the looks.
        missing: [...full].filter((name) => !own.has(name) && !excused.includes(name) && name !== EVENTS),
        surplus: [...own].filter((name) => !full.has(name)),
        throughput: own.has('mptcp_subflow_send_throughput_bytes_per_second'),
        differing: UNMOVED.filter((name) => !isDeepStrictEqual(told(netlink, name), told(ss, name))),
      };
    };
    // Throughputs come with the second look, the speed of a link when it has first been asked for.
    const same = { missing: [], surplus: [], throughput: true, differing: [] };
    await expect.poll(difference, { timeout: 20_000 }).toEqual(same);

    const { netlink, ss } = await scrapeBoth();
    const later = await scrapeIn(lab.client, automatic.url);
    const [info] = netlink.samples('mptcp_source_info');
    expect(info).toMatchObject({ labels: { source: 'netlink', kernel: 'upstream' }, value: 1 });
    expect(ss.samples('mptcp_source_info')).toEqual([{ labels: { ...info?.labels, source: 'ss' }, value: 1 }]);
    expect(ss.samples('mptcp_subflow_info')).toHaveLength(10);
    for (const what of ['sent', 'received', 'acknowledged', 'retransmitted']) {
      const family = `mptcp_subflow_${what}_bytes_total`;
      expect(ss.samples(family)).toHaveLength(10);
      for (const { labels, value } of ss.samples(family)) {
        expect(value, `${family} of ${labels.local}`).toBeGreaterThanOrEqual(netlink.value(family, labels));
        expect(value, `${family} of ${labels.local}`).toBeLessThanOrEqual(later.value(family, labels));
      }
    }
  });
});
