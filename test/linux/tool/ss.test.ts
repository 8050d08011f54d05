import { describe, expect, it } from 'vitest';
import { decodeConnection, subflowDecoder } from '../../../exporter/src/linux/netlink/sock-diag.ts';
import type { Run } from '../../../exporter/src/linux/tool/exec.ts';
import { parseSs, readSs } from '../../../exporter/src/linux/tool/ss.ts';
import { isAtLeast } from '../../../exporter/src/linux/tool/version.ts';
import { type ConnectionRecord, SUBFLOW_FLAG, type SubflowRecord } from '../../../exporter/src/mptcp/model.ts';
import { processorMs } from '../../support/processor-time.ts';
import { capture, type End, plain, rowsOf } from '../netlink/fake-kernel.ts';
import { captured, ENDS, LAYOUTS, RELEASES, versionsOf } from './captures.ts';

/** Every capture of the scene by every release, at both ends, in both layouts. */
const CAPTURES = ENDS.flatMap((end) =>
  RELEASES.flatMap((release) => LAYOUTS.map((layout) => ({ end, release, layout }))),
);

function parse(end: End, release: string, layout = '') {
  const text = (kind: string) => captured(end, `ss-v${release}-${kind}${layout}`);
  return parseSs(text('M'), text('t'), versionsOf(release));
}

/** The 6.x of `ss` from which on it prints a connection's field. */
const SINCE: ReadonlyMap<string, number> = new Map([
  ['sentBytes', 5],
  ['acknowledgedBytes', 5],
  ['receivedBytes', 5],
  ['retransmittedBytes', 5],
  ['totalSubflows', 8],
  ['lastDataSentSeconds', 10],
  ['lastDataReceivedSeconds', 10],
  ['lastAcknowledgementSeconds', 10],
]);

/** What netlink gave at the same end a moment before. */
function netlink(end: End): { connections: ConnectionRecord[]; subflows: SubflowRecord[] } {
  const decode = <T>(names: readonly string[], decoder: (view: DataView, from: number, to: number) => T | undefined) =>
    names
      .flatMap((name) => rowsOf(capture(end, name)))
      .map((row) => decoder(new DataView(row.buffer, row.byteOffset, row.byteLength), 0, row.length))
      .filter((record) => record !== undefined)
      .map(plain);
  return {
    connections: decode(['sock-diag-mptcp4', 'sock-diag-mptcp6'], decodeConnection),
    subflows: decode(['sock-diag-tcp4', 'sock-diag-tcp6'], subflowDecoder(new Set())),
  };
}

/** What does not change while data moves. MAPVALID comes and goes with each mapping. */
function identity({ state, local, remote, inode, cookie, token, ...rest }: ConnectionRecord | SubflowRecord) {
  const common = { state, local, remote, inode, cookie, token };
  if ('tcp' in rest) {
    const { localId, remoteId, flags = 0 } = rest;
    return { ...common, localId, remoteId, flags: flags & ~SUBFLOW_FLAG.mapValid };
  }
  const { fallback, remoteKeyReceived, additionalSubflows } = rest as Partial<ConnectionRecord>;
  return { ...common, fallback, remoteKeyReceived, additionalSubflows };
}

const byCookie = (a: { cookie: number | undefined }, b: { cookie: number | undefined }) =>
  (a.cookie ?? 0) - (b.cookie ?? 0);
const end = ({ address, port }: { address: string; port: number }) => `${address}:${port}`;

describe('the captured scene', () => {
  it.each(CAPTURES)(
    'has the same connections as netlink shows: $end, ss $release$layout',
    ({ end, release, layout }) => {
      const { sockets, malformed } = parse(end, release, layout);
      expect(malformed).toBe(0);
      expect(sockets.connections.map(identity).sort(byCookie)).toEqual(
        netlink(end).connections.map(identity).sort(byCookie),
      );
    },
  );

  it.each(CAPTURES)('has the same subflows as netlink shows: $end, ss $release$layout', ({ end, release, layout }) => {
    const { subflows } = parse(end, release, layout).sockets;
    expect(subflows.map(identity).sort(byCookie)).toEqual(netlink(end).subflows.map(identity).sort(byCookie));
  });

  it.each(CAPTURES)('has counters that have gone on since netlink was read: $end, ss $release$layout', (one) => {
    const before = new Map(netlink(one.end).subflows.map((subflow) => [subflow.cookie, subflow.tcp]));
    const after = parse(one.end, one.release, one.layout).sockets.subflows;
    for (const counter of ['sentBytes', 'acknowledgedBytes', 'receivedBytes', 'retransmittedBytes'] as const) {
      const moved = after.map(({ cookie, tcp }) => (tcp[counter] ?? -1) - (before.get(cookie)?.[counter] ?? Infinity));
      expect(Math.min(...moved), counter).toBeGreaterThanOrEqual(0);
      expect(Math.max(...moved), counter).toBeLessThan(20e6 / 8); // a second of the fastest link
    }
    const busy = after.map(({ cookie, tcp }) => (tcp.busySeconds ?? -1) - (before.get(cookie)?.busySeconds ?? 0));
    expect(Math.min(...busy)).toBeGreaterThanOrEqual(-0.001); // ss cuts to milliseconds
  });

  it.each(RELEASES)('fills in the fields that netlink does, and no others: ss %s', (release) => {
    const fields = (records: readonly object[]) =>
      [...new Set(records.flatMap((one) => Object.keys(plain(one))))].sort();
    const { iproute2 } = versionsOf(release);
    const absent = [...SINCE].filter(([, minor]) => !isAtLeast(iproute2, 6, minor)).map(([field]) => field);
    for (const side of ENDS) {
      const { connections, subflows } = parse(side, release).sockets;
      const kernel = netlink(side);
      expect(fields(connections)).toEqual(fields(kernel.connections).filter((field) => !absent.includes(field)));
      const named = fields(kernel.subflows).map((field) =>
        field === 'boundInterfaceIndex' ? 'boundInterfaceName' : field,
      );
      expect(fields(subflows)).toEqual(named);
      expect(fields(subflows.map(({ tcp }) => tcp))).toEqual(
        [...fields(kernel.subflows.map(({ tcp }) => plain(tcp))), 'congestionControl'].sort(),
      );
    }
  });

  it.each(RELEASES)('is what its description says, at the client: ss %s', (release) => {
    const { connections, subflows } = parse('client', release).sockets;
    expect(connections.map(({ remote, fallback }) => `${end(remote)}${fallback ? ' fallback' : ''}`).sort()).toEqual([
      '10.77.1.2:7001',
      '10.77.1.2:7001',
      '10.77.1.2:7001',
      '10.77.1.2:7002',
      '10.77.1.2:7003 fallback',
      'fd77:1::2:7002',
      'fd77:1::2:7004',
    ]);
    expect(connections.map(({ token }) => token)).toContain(0x00b6ae2e);
    const mixed = subflows.filter(({ token }) => token === 0x76d07313);
    expect(mixed.map(({ local, remote }) => `${end(local)} ${end(remote)}`).sort()).toEqual([
      '10.77.2.1:43895 10.77.2.2:7002',
      'fd77:1::1:53898 fd77:1::2:7002',
      'fd77:2::1:48809 fd77:1::2:7002',
    ]);
    const backups = subflows.filter(({ flags = 0 }) => flags & SUBFLOW_FLAG.backupLocal);
    expect(backups.map(({ boundInterfaceName, localId }) => [boundInterfaceName, localId])).toEqual(
      Array.from({ length: 4 }, () => ['lte0', 2]),
    );
    expect(subflows.map(({ local }) => end(local))).not.toContain('10.77.1.1:37520'); // plain TCP
    expect(new Set(subflows.map(({ tcp }) => tcp.congestionControl))).toEqual(new Set(['bbr']));
  });

  it.each(RELEASES)('is what its description says, at the server: ss %s', (release) => {
    const { connections, subflows } = parse('server', release).sockets;
    expect(connections.some(({ fallback }) => fallback)).toBe(false);
    expect(subflows.some(({ local }) => local.port === 7003)).toBe(false);
    const dualStack = subflows.filter(({ token }) => token === 0xbf5f12f9);
    expect(dualStack.map(({ local }) => local.address).sort()).toEqual([
      '10.77.1.2',
      '10.77.1.2',
      '10.77.1.2',
      '10.77.2.2',
    ]);
    expect(subflows.filter(({ flags = 0 }) => flags & SUBFLOW_FLAG.backupRemote)).toHaveLength(4);
  });

  it.each(RELEASES)('has the queue that the sequence numbers tell, in either base: ss %s', (release) => {
    const { connections } = parse('client', release).sockets;
    const queue = (token: number) => connections.find((one) => one.token === token)?.sendQueueBytes;
    expect(queue(0x6afb0763)).toBe(0);
    expect(queue(0x4df8fb90)).toBeGreaterThan(100_000);
    expect(queue(0x4df8fb90)).toBeLessThan(2_000_000);
  });
});

describe('a kernel that cannot list MPTCP sockets', () => {
  const versions = versionsOf('6.1.0');
  const tcp = captured('client', 'ss-v6.1.0-t');
  const mptcp = captured('client', 'ss-v6.1.0-M');

  it('that answers with its TCP sockets (issue 149) shows subflows and says why there are no connections', () => {
    const { sockets } = parseSs(tcp, tcp, { ...versions, kernel: { major: 5, minor: 8 } });
    expect(sockets.connections).toEqual([]);
    expect(sockets.subflows).toHaveLength(19);
    expect(sockets.connectionsFailure?.code).toBe('not_tcp_info');
  });

  it('is not suspected when the sockets are others', () => {
    const { sockets } = parseSs(mptcp, tcp, { ...versions, kernel: { major: 5, minor: 9 } });
    expect(sockets.connections).toHaveLength(7);
    expect(sockets).not.toHaveProperty('connectionsFailure');
  });

  it('because a module is missing, about which ss keeps silent, is told from one without connections', async () => {
    const asked: string[] = [];
    const run: Run = async (_, [option = '']) => {
      asked.push(option);
      return option.startsWith('-M') ? '' : tcp;
    };
    const { sockets } = await readSs(run, versions, 1000);
    expect(sockets.subflows).toHaveLength(19);
    expect(sockets.connectionsFailure).toEqual({
      code: 'not_supported',
      message: expect.stringContaining('modprobe mptcp_diag'),
    });
    expect(asked).toEqual(['-MinHOe', '-tinHOe', '-MinHOe', '-tinHOe']);
  });

  it('is not assumed when the first connection opened between the two dumps', async () => {
    let dumps = 0;
    const run: Run = async (_, [option = '']) => (option.startsWith('-M') ? (dumps++ === 0 ? '' : mptcp) : tcp);
    const { sockets } = await readSs(run, versions, 1000);
    expect(sockets.connections).toHaveLength(7);
    expect(sockets).not.toHaveProperty('connectionsFailure');
  });
});

describe('text of ss', () => {
  it('that is empty means no sockets', () => {
    expect(parseSs('', '', versionsOf('6.1.0'))).toEqual({ sockets: { connections: [], subflows: [] }, malformed: 0 });
  });

  it('is read within 100 microseconds of processor time a row', () => {
    const text = captured('client', 'ss-v7.1.0-t').repeat(250);
    const rows = 4750;
    const times = Array.from({ length: 5 }, () =>
      processorMs(() => expect(parseSs('', text, versionsOf('7.1.0')).sockets.subflows).toHaveLength(rows)),
    );
    expect(Math.min(...times) / rows).toBeLessThan(0.1);
  });
});
