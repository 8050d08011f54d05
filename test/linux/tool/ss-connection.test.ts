import { describe, expect, it } from 'vitest';
import { parseConnections } from '../../../exporter/src/linux/tool/ss-connection.ts';

const START = 'ESTAB 4096 512 10.0.0.1:1 10.0.0.2:2 ino:5 sk:6 cgroup:/ <->';

/** The first connection of a row with these words, from this `ss` on this kernel. */
function parse(words: string, iproute2 = [7, 1], kernel = [6, 18]) {
  const version = ([major = 0, minor = 0]: readonly number[]) => ({ major, minor });
  return parseConnections(`${START} ${words}\n`, { iproute2: version(iproute2), kernel: version(kernel) }).records[0];
}

describe('a connection', () => {
  it('has what 5.9 prints, which shows add_addr_accepted under the wrong condition', () => {
    const words =
      'subflows:2 add_addr_signal:1 add_addr_accepted:0 subflows_max:4 remote_key token:b6ae2e write_seq:ff snd_una:f0 rcv_nxt:10';
    expect(parse(words, [5, 9])).toEqual({
      state: 'established',
      local: { address: '10.0.0.1', port: 1 },
      remote: { address: '10.0.0.2', port: 2 },
      inode: 5,
      cookie: 6,
      token: 0x00b6ae2e,
      fallback: false,
      remoteKeyReceived: true,
      additionalSubflows: 2,
      sendQueueBytes: 15,
    });
  });

  it('has its counters, ages and all subflows where ss prints them', () => {
    const words =
      'fallback token:1 write_seq:20 snd_una:5 bytes_retrans:4 bytes_sent:1 bytes_received:3 bytes_acked:2 subflows_total:1 endp_laminar_max:2 last_data_sent:40564 last_data_recv:8 last_ack_recv:4';
    expect(parse(words)).toMatchObject({
      fallback: true,
      remoteKeyReceived: false,
      additionalSubflows: 0,
      totalSubflows: 1,
      sentBytes: 1,
      acknowledgedBytes: 2,
      receivedBytes: 3,
      retransmittedBytes: 4,
      lastDataSentSeconds: 40.564,
      lastDataReceivedSeconds: 0.008,
      lastAcknowledgementSeconds: 0.004,
      sendQueueBytes: 15,
    });
  });

  it.each([
    ['decimal from 6.5', 'write_seq:10000000000000000010 snd_una:10000000000000000000', [6, 5], 10],
    ['hexadecimal up to 6.4', 'write_seq:10000000000010 snd_una:10000000000000', [6, 4], 16],
    ['wrapping at 2^64', 'write_seq:5 snd_una:18446744073709551606', [7, 1], 15],
    ['never below 0', 'write_seq:5 snd_una:6', [7, 1], 0],
  ] as const)('has the bytes between its sequence numbers as queue: %s', (_, words, iproute2, expected) => {
    expect(parse(words, [...iproute2])?.sendQueueBytes).toBe(expected);
  });

  it.each([
    ['both know them', [6, 5], [6, 5], 0],
    ['ss is too old', [6, 4], [6, 18], undefined],
    ['the kernel is too old', [7, 1], [6, 4], undefined],
  ] as const)('has bytes 0 only where ss would have printed others: %s', (_, iproute2, kernel, expected) => {
    expect(parse('token:1', [...iproute2], [...kernel])?.sentBytes).toBe(expected);
  });

  it.each([
    ['both know them', [6, 10], [6, 10], 0],
    ['ss is too old', [6, 9], [6, 18], undefined],
    ['the kernel is too old', [7, 1], [6, 9], undefined],
  ] as const)('has ages 0 only where ss would have printed others: %s', (_, iproute2, kernel, expected) => {
    expect(parse('token:1', [...iproute2], [...kernel])?.lastDataSentSeconds).toBe(expected);
  });

  it('on a kernel that carries features back has 0 in one row when another row proves it', () => {
    const text = `${START} token:1 bytes_sent:5 last_ack_recv:7\n${START} token:2\n`;
    const { records } = parseConnections(text, { iproute2: { major: 6, minor: 14 }, kernel: { major: 5, minor: 14 } });
    expect(records[1]).toMatchObject({ sentBytes: 0, receivedBytes: 0, lastAcknowledgementSeconds: 0 });
    expect(records[1]).not.toHaveProperty('totalSubflows');
  });

  it.each(['token:xyz', 'token:123456789', 'write_seq:12ab', 'bytes_sent:1.5', 'subflows:-1', 'last_data_sent:x'])(
    'is skipped and counted when a number is none: %s',
    (word) => {
      const versions = { iproute2: { major: 7, minor: 1 }, kernel: { major: 6, minor: 18 } };
      const { records, malformed } = parseConnections(`${START} token:1\n${START} ${word}\n`, versions);
      expect(records).toHaveLength(1);
      expect(malformed).toBe(1);
    },
  );
});
