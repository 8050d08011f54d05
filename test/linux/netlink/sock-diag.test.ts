import { describe, expect, it } from 'vitest';
import {
  connectionDumpRequest,
  decodeConnection,
  subflowDecoder,
  subflowDumpRequest,
} from '../../../exporter/src/linux/netlink/sock-diag.ts';
import { AF_INET6, type RowDecoder } from '../../../exporter/src/linux/netlink/wire.ts';
import { type ConnectionRecord, SUBFLOW_FLAG, type SubflowRecord } from '../../../exporter/src/mptcp/model.ts';
import { attribute, capture, concat, type End, plain, rowsOf, u32 } from './fake-kernel.ts';

function decode<T>(decoder: RowDecoder<T>, row: Uint8Array): T | undefined {
  return decoder(new DataView(row.buffer, row.byteOffset, row.byteLength), 0, row.length);
}

function decodeAll<T>(decoder: RowDecoder<T>, end: End, ...names: string[]): T[] {
  return names
    .flatMap((name) => rowsOf(capture(end, name)))
    .map((row) => decode(decoder, row))
    .filter((record) => record !== undefined);
}

const connectionsOf = (end: End): ConnectionRecord[] =>
  decodeAll(decodeConnection, end, 'sock-diag-mptcp4', 'sock-diag-mptcp6');
const subflowsOf = (end: End): SubflowRecord[] =>
  decodeAll(subflowDecoder(new Set()), end, 'sock-diag-tcp4', 'sock-diag-tcp6');

const socket = ({ address, port }: { address: string; port: number }): string => `${address} ${port}`;
const hex = (token: number | undefined): string => (token ?? -1).toString(16).padStart(8, '0');

/** Token and remote end of each connection of the scene, in the dump's order. */
const CLIENT_CONNECTIONS = [
  ['221880b6', '10.77.1.1 37516', '10.77.1.2 7003'],
  ['6afb0763', '10.77.1.1 57604', '10.77.1.2 7001'],
  ['00b6ae2e', '10.77.1.1 57616', '10.77.1.2 7001'],
  ['9d713b97', '10.77.1.1 57598', '10.77.1.2 7001'],
  ['4df8fb90', '10.77.1.1 56324', '10.77.1.2 7002'],
  ['fa9d65a3', 'fd77:1::1 53392', 'fd77:1::2 7004'],
  ['76d07313', 'fd77:1::1 53898', 'fd77:1::2 7002'],
];
const SERVER_CONNECTIONS = [
  ['092a8f5d', '10.77.1.2 7001', '10.77.1.1 57616'],
  ['f4187261', '10.77.1.2 7001', '10.77.1.1 57604'],
  ['767074f1', '10.77.1.2 7001', '10.77.1.1 57598'],
  ['bf5f12f9', '10.77.1.2 7002', '10.77.1.1 56324'],
  ['ca58baf9', 'fd77:1::2 7004', 'fd77:1::1 53392'],
  ['5d38d4a4', 'fd77:1::2 7002', 'fd77:1::1 53898'],
];

describe.each([
  ['client', CLIENT_CONNECTIONS, 3],
  ['server', SERVER_CONNECTIONS, 2],
] as const)("the scene's connections at the %s", (end, expected, pushing) => {
  it('are all there with their tokens and addresses, listening sockets left out, mapped addresses as IPv4', () => {
    const seen = connectionsOf(end).map(({ token, local, remote }) => [hex(token), socket(local), socket(remote)]);
    expect(seen).toEqual(expected);
    expect(connectionsOf(end).every(({ state }) => state === 'established')).toBe(true);
  });

  it('have as many subflows as the kernel says, each found by its token and sharing their inode', () => {
    const subflows = subflowsOf(end);
    for (const { token, inode, totalSubflows, additionalSubflows } of connectionsOf(end)) {
      const own = subflows.filter((subflow) => subflow.token === token);
      expect(own).toHaveLength(totalSubflows ?? -1);
      expect(own).toHaveLength((additionalSubflows ?? -2) + 1);
      expect(new Set(own.map((subflow) => subflow.inode))).toEqual(new Set([inode]));
      expect(own.filter(({ flags = 0 }) => flags & (SUBFLOW_FLAG.joinLocal | SUBFLOW_FLAG.joinRemote))).toHaveLength(
        own.length - 1,
      );
    }
  });

  it('and subflows have each a cookie of their own', () => {
    const cookies = [...connectionsOf(end), ...subflowsOf(end)].map(({ cookie }) => cookie);
    expect(cookies).not.toContain(undefined);
    expect(new Set(cookies).size).toBe(cookies.length);
  });

  it('queue what was sent and not acknowledged, and what was written and not sent yet', () => {
    for (const { sentBytes = 0, acknowledgedBytes = 0, sendQueueBytes, fallback } of connectionsOf(end)) {
      if (!fallback) expect(sendQueueBytes).toBeGreaterThanOrEqual(sentBytes - acknowledgedBytes);
    }
    expect(connectionsOf(end).filter(({ sendQueueBytes }) => sendQueueBytes)).toHaveLength(pushing);
  });
});

describe("the scene's special cases", () => {
  const connection = (end: End, token: string): ConnectionRecord | undefined =>
    connectionsOf(end).find((one) => hex(one.token) === token);
  const subflowsTo = (end: End, token: string): SubflowRecord[] =>
    subflowsOf(end).filter((one) => hex(one.token) === token);

  it('one connection at the client fell back to TCP, and only that one', () => {
    expect(connectionsOf('client').map(({ fallback }) => fallback)).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(connection('client', '221880b6')).toMatchObject({ remoteKeyReceived: false, totalSubflows: 1 });
    expect(subflowsTo('client', '221880b6')).toHaveLength(1);
  });

  it('plain TCP to port 7003 is no subflow at the client, and nothing of port 7003 is one at the server', () => {
    const ports = (end: End): number[] => subflowsOf(end).flatMap(({ local, remote }) => [local.port, remote.port]);
    expect(ports('client')).not.toContain(37520);
    expect(ports('server')).not.toContain(7003);
    expect([subflowsOf('client').length, subflowsOf('server').length]).toEqual([19, 18]);
  });

  it('a connection is told in full', () => {
    expect(plain(connection('client', '9d713b97'))).toEqual({
      state: 'established',
      local: { address: '10.77.1.1', port: 57598 },
      remote: { address: '10.77.1.2', port: 7001 },
      inode: 236836,
      cookie: 0x10b8c,
      token: 0x9d713b97,
      fallback: false,
      remoteKeyReceived: true,
      additionalSubflows: 2,
      totalSubflows: 3,
      sendQueueBytes: 588_608,
      retransmittedBytes: 0,
      sentBytes: 34_620_001,
      receivedBytes: 0,
      acknowledgedBytes: 34_031_393,
      lastDataSentSeconds: 0.016,
      lastDataReceivedSeconds: 40.348,
      lastAcknowledgementSeconds: 0,
    });
  });

  it('a subflow is told in full', () => {
    expect(plain(subflowsTo('client', '9d713b97').find(({ local }) => local.port === 50899))).toEqual({
      state: 'established',
      local: { address: '10.77.2.1', port: 50899 },
      remote: { address: '10.77.1.2', port: 7001 },
      boundInterfaceIndex: 61,
      inode: 236836,
      cookie: 0xb34c,
      token: 0x9d713b97,
      localId: 1,
      remoteId: 0,
      flags: 0xcc,
      sendQueueBytes: 171_456,
      tcp: {
        sentBytes: 11_460_040,
        acknowledgedBytes: 11_445_801,
        receivedBytes: 0,
        retransmittedBytes: 0,
        congestionWindowBytes: 32 * 1448,
        unacknowledgedSegments: 10,
        lostSegments: 0,
        busySeconds: 40.172,
        receiveWindowLimitedSeconds: 0,
        sendBufferLimitedSeconds: 0,
        lastDataSentSeconds: 0.012,
        lastDataReceivedSeconds: 40.236,
        lastAcknowledgementSeconds: 0,
        retransmissionTimeoutSeconds: 0.268,
        backoff: 0,
        rttSeconds: 0.064782,
        rttVariationSeconds: 0.00423,
        minRttSeconds: 0.039599,
        pacingRateBytesPerSecond: 332_037,
        deliveryRateBytesPerSecond: 286_217,
      },
    });
  });

  it('joins from the backup endpoint say so at both ends, and no other subflow does', () => {
    const backups = (end: End, flag: number): string[] =>
      subflowsOf(end)
        .filter(({ flags = 0 }) => flags & flag)
        .map(({ local, remote }) => (end === 'client' ? local.address : remote.address));
    expect(backups('client', SUBFLOW_FLAG.backupLocal)).toEqual(Array(4).fill('10.77.3.1'));
    expect(backups('client', SUBFLOW_FLAG.backupRemote)).toEqual([]);
    expect(backups('server', SUBFLOW_FLAG.backupRemote)).toEqual(Array(4).fill('10.77.3.1'));
    expect(backups('server', SUBFLOW_FLAG.backupLocal)).toEqual([]);
  });

  it('a connection can have IPv6 and IPv4 subflows at once, at either end', () => {
    const addresses = (end: End, token: string): string[] =>
      subflowsTo(end, token)
        .map(({ local }) => local.address)
        .sort();
    expect(addresses('client', '76d07313')).toEqual(['10.77.2.1', 'fd77:1::1', 'fd77:2::1']);
    expect(addresses('server', '5d38d4a4')).toEqual(['10.77.2.2', 'fd77:1::2', 'fd77:1::2']);
  });

  it('the join to an announced address carries the announced id, and subflows of device endpoints their device', () => {
    const announced = subflowsTo('client', '4df8fb90').find(({ remote }) => remote.address === '10.77.2.2');
    expect(announced).toMatchObject({ localId: 1, remoteId: 1 });
    expect(announced?.boundInterfaceIndex).toBeUndefined();
    expect(subflowsOf('client').filter(({ localId }) => localId === 2)).toHaveLength(4);
    for (const { localId, boundInterfaceIndex } of subflowsOf('client')) {
      if (localId === 2) expect(boundInterfaceIndex).toBe(63);
    }
  });

  it('subflows without their ULP are found by the inode of their connection, without a token', () => {
    const inodes = new Set(connectionsOf('client').flatMap(({ inode }) => inode ?? []));
    const stripped = rowsOf(capture('client', 'sock-diag-tcp4')).map((row) => withoutAttribute(row, 19));
    const hidden = stripped.map((row) => decode(subflowDecoder(inodes), row)).filter((one) => one !== undefined);
    expect(hidden).toHaveLength(15);
    expect(hidden.some(({ token, flags }) => token !== undefined || flags !== undefined)).toBe(false);
    expect(stripped.map((row) => decode(subflowDecoder(new Set()), row)).filter(Boolean)).toEqual([]);
  });
});

/** A row's header and its attributes but one type. */
function withoutAttribute(row: Uint8Array, type: number): Uint8Array {
  const parts = [row.slice(0, 72)];
  for (let offset = 72; offset < row.length; ) {
    const length = (((row[offset] ?? 0) | ((row[offset + 1] ?? 0) << 8)) + 3) & ~3;
    if (row[offset + 2] !== type) parts.push(row.slice(offset, offset + length));
    offset += length;
  }
  return concat(...parts);
}

const HEADER = rowsOf(capture('client', 'sock-diag-mptcp4'))[0]?.slice(0, 72) ?? new Uint8Array();
const CAPTURED_INFO = rowsOf(capture('client', 'sock-diag-mptcp4'))[1]?.slice(-96) ?? new Uint8Array();

/** The header with some of its bytes changed. */
function header(changes: Readonly<Record<number, number>>): Uint8Array {
  const copy = HEADER.slice();
  for (const [offset, byte] of Object.entries(changes)) copy[Number(offset)] = byte;
  return copy;
}

describe('mptcp_info by length', () => {
  const always = ['additionalSubflows', 'fallback', 'remoteKeyReceived', 'sendQueueBytes', 'token'];
  const bytes = ['acknowledgedBytes', 'receivedBytes', 'retransmittedBytes', 'sentBytes'];
  const ages = ['lastAcknowledgementSeconds', 'lastDataReceivedSeconds', 'lastDataSentSeconds'];

  it.each([
    ['5.9', 40, always],
    ['5.12', 48, always],
    ['6.5', 80, [...always, ...bytes]],
    ['6.8', 88, [...always, ...bytes, 'totalSubflows']],
    ['6.10', 96, [...always, ...bytes, 'totalSubflows', ...ages]],
    ['a later kernel', 120, [...always, ...bytes, 'totalSubflows', ...ages]],
  ])(
    'of %s (%i bytes) gives exactly the fields that it has: padding is no field, absent is not zero',
    (_, size, expected) => {
      const info = concat(CAPTURED_INFO, new Uint8Array(64).fill(0xee)).slice(0, size);
      const record = decode(decodeConnection, concat(HEADER, attribute(2, info)));
      const fields = Object.keys(plain(record ?? {})).filter((key) => !/^(state|local|remote|inode|cookie)$/.test(key));
      expect(fields.sort()).toEqual([...expected].sort());
    },
  );

  it('without a token (0) leaves the token out', () => {
    const info = CAPTURED_INFO.slice();
    info.fill(0, 12, 16);
    expect(decode(decodeConnection, concat(HEADER, attribute(2, info)))?.token).toBeUndefined();
  });

  it('that is shorter than any kernel gives is truncated', () => {
    const row = concat(HEADER, attribute(2, CAPTURED_INFO.slice(0, 39)));
    expect(() => decode(decodeConnection, row)).toThrow(expect.objectContaining({ code: 'truncated' }));
  });

  it.each([
    ['nothing', [5, 0, 0, 0, 0, 0, 0, 0], [5, 0, 0, 0, 0, 0, 0, 0], 0],
    ['a carry between the halves', [1, 0, 0, 0, 2, 0, 0, 0], [0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0], 2],
    ['a wrap at 2^64', [9, 0, 0, 0, 0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 10],
    ['more than 4 GiB', [0, 0, 0, 0, 3, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0, 0], 2 ** 33],
    ['numbers the wrong way round', [0, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0], 0],
  ])('counts the send queue over %s', (_, writeSequence, unacknowledged, queue) => {
    const info = CAPTURED_INFO.slice();
    info.set(writeSequence, 16);
    info.set(unacknowledged, 24);
    expect(decode(decodeConnection, concat(HEADER, attribute(2, info)))?.sendQueueBytes).toBe(queue);
  });
});

describe('kernels 5.7 to 5.9', () => {
  it('answer with TCP sockets, which are refused instead of shown as connections', () => {
    for (const row of rowsOf(capture('client', 'sock-diag-tcp4'))) {
      expect(() => decode(decodeConnection, row)).toThrow(
        expect.objectContaining({ code: 'not_tcp_info', remedy: 'Use Linux 5.10 or later.' }),
      );
    }
  });
});

describe('a row', () => {
  const decoders: [string, RowDecoder<ConnectionRecord | SubflowRecord>][] = [
    ['connection', decodeConnection],
    ['subflow', subflowDecoder(new Set([0x39d3f]))],
  ];

  it.each(decoders)('of a %s without inode or cookie leaves them out', (_, decoder) => {
    const row = concat(
      header({}),
      attribute(
        19,
        concat(
          attribute(
            1,
            [...'mptcp'].map((c) => c.charCodeAt(0)),
          ),
        ),
      ),
    );
    row.fill(0xff, 44, 52);
    row.fill(0, 68, 72);
    expect(decode(decoder, row)).toMatchObject({ state: 'established' });
    expect(decode(decoder, row)).toMatchObject({ inode: undefined, cookie: undefined });
  });

  it.each(decoders)('of a %s that listens, waits or is not open yet is left out', (_, decoder) => {
    for (const state of [6, 10, 12]) expect(decode(decoder, header({ 1: state }))).toBeUndefined();
  });

  it.each(decoders)('of a %s that is cut short or of no known family or state is a typed error', (_, decoder) => {
    expect(() => decode(decoder, HEADER.slice(0, 71))).toThrow(expect.objectContaining({ code: 'truncated' }));
    expect(() => decode(decoder, header({ 0: 1 }))).toThrow(/address family 1/);
    for (const state of [0, 13, 255]) {
      expect(() => decode(decoder, header({ 1: state }))).toThrow(expect.objectContaining({ code: 'malformed' }));
    }
  });

  it('of a socket with another ULP is no subflow, even with the inode of a connection', () => {
    const tls = concat(HEADER, attribute(19, attribute(1, [0x74, 0x6c, 0x73, 0])));
    expect(decode(subflowDecoder(new Set([0x39d3f])), tls)).toBeUndefined();
    expect(decode(subflowDecoder(new Set([0x39d3f])), HEADER)).toMatchObject({ inode: 0x39d3f, tcp: {} });
  });

  it('names the congestion control', () => {
    const row = concat(HEADER, attribute(4, [0x62, 0x62, 0x72, 0]));
    expect(decode(subflowDecoder(new Set([0x39d3f])), row)?.tcp).toEqual({ congestionControl: 'bbr' });
  });

  it('with an MPTCP attribute that is too short is malformed', () => {
    const ulp = concat(
      attribute(
        1,
        [...'mptcp\0'].map((c) => c.charCodeAt(0)),
      ),
      attribute(3, attribute(2, [1, 2])),
    );
    expect(() => decode(subflowDecoder(new Set()), concat(HEADER, attribute(19, ulp)))).toThrow(
      /attribute 2 of 2 bytes, 4 needed/,
    );
  });
});

describe('the requests', () => {
  it('ask for MPTCP by attribute, with tcp or mptcp information, in every state that carries data', () => {
    const { type, payload } = connectionDumpRequest(2);
    expect(type).toBe(20);
    expect([...payload.slice(0, 8)]).toEqual([2, 6, 0x0a, 0, ...u32(0b1011_1011_1110 & ~(1 << 6) & ~(1 << 10))]);
    expect([...payload.slice(8, 48)]).toEqual(Array(40).fill(0));
    expect([...payload.slice(48)]).toEqual([...Array(8).fill(0xff), 8, 0, 3, 0, 6, 1, 0, 0]);
  });

  it('ask for both families in the old form, for the same of the same states', () => {
    const { type, answer, payload } = connectionDumpRequest('both');
    expect([type, answer]).toEqual([18, 18]);
    expect([...payload.slice(0, 4)]).toEqual([0, 0, 0, 0x0a]);
    expect([...payload.slice(52, 56)]).toEqual([...connectionDumpRequest(2).payload.slice(4, 8)]);
    expect([...payload.slice(60)]).toEqual([8, 0, 3, 0, 6, 1, 0, 0]);
    const tcp = subflowDumpRequest('both').payload;
    expect(tcp).toHaveLength(60);
    expect([...tcp.slice(52, 56)]).toEqual([...subflowDumpRequest(AF_INET6).payload.slice(4, 8)]);
  });

  it('ask for TCP without listeners, half-open and waiting sockets', () => {
    const { payload } = subflowDumpRequest(AF_INET6);
    expect(payload).toHaveLength(56);
    const states = new DataView(payload.buffer).getUint32(4, true);
    expect([payload[0], payload[1]]).toEqual([10, 6]);
    const asked = [...Array(32).keys()].filter((state) => states & (1 << state));
    expect(asked).toEqual([1, 2, 4, 5, 7, 8, 9, 11]);
  });
});
