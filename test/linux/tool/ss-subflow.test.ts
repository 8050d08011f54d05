import { describe, expect, it } from 'vitest';
import { parseSubflows } from '../../../exporter/src/linux/tool/ss-subflow.ts';
import { SUBFLOW_FLAG, type SubflowRecord } from '../../../exporter/src/mptcp/model.ts';

const START = 'ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 ino:5 sk:6 <->';
const INFO = 'ts sack cubic wscale:7,7 rto:204 rtt:25.439/11.516 mss:1448 cwnd:10';
const ULP = 'tcp-ulp-mptcp flags:Mmec token:0000(id:0)/4df8fb90(id:0) seq:0 sfseq:0 ssnoff:1 maplen:0';

function parse(text: string, inodes: readonly number[] = []): readonly SubflowRecord[] {
  return parseSubflows(text, new Set(inodes)).records;
}

/** The tcp_info of a row with these words besides those that are always there. */
const tcp = (words: string, info = INFO) => parse(`${START} ${info} ${words} ${ULP}`)[0]?.tcp;

/** The subflow of a row with these words behind the ULP. */
const subflow = (words: string) => parse(`${START} ${INFO} tcp-ulp-mptcp ${words}`)[0];

const WORDS = [
  ['bytes_sent:22950801', { sentBytes: 22950801 }],
  ['bytes_acked:5', { acknowledgedBytes: 5 }],
  ['bytes_received:6', { receivedBytes: 6 }],
  ['retrans:0/304 bytes_retrans:4096', { retransmittedBytes: 4096 }],
  ['rtt:0.026/0.014', { rttSeconds: 0.000026, rttVariationSeconds: 0.000014 }],
  ['rtt:1e+06/1.5e+06', { rttSeconds: 1000, rttVariationSeconds: 1500 }],
  ['minrtt:19.615', { minRttSeconds: 0.019615 }],
  ['cwnd:22 ssthresh:16', { congestionWindowBytes: 22 * 1448 }],
  ['unacked:10', { unacknowledgedSegments: 10 }],
  ['lost:3', { lostSegments: 3 }],
  ['rto:3600 backoff:6', { retransmissionTimeoutSeconds: 3.6, backoff: 6 }],
  ['send 9502092bps pacing_rate 4804712bps', { pacingRateBytesPerSecond: 600589 }],
  ['pacing_rate 8000bps/16000bps', { pacingRateBytesPerSecond: 1000 }],
  ['delivery_rate 4342480bps', { deliveryRateBytesPerSecond: 542810 }],
  ['delivery_rate 1.2Mbps', { deliveryRateBytesPerSecond: 150_000 }],
  ['delivery_rate 800Kbps', { deliveryRateBytesPerSecond: 100_000 }],
  ['delivery_rate 800kbps', { deliveryRateBytesPerSecond: 100_000 }],
  ['delivery_rate 2.5Gbps', { deliveryRateBytesPerSecond: 312_500_000 }],
  [
    'lastsnd:4 lastrcv:40216 lastack:8',
    {
      lastDataSentSeconds: 0.004,
      lastDataReceivedSeconds: 40.216,
      lastAcknowledgementSeconds: 0.008,
    },
  ],
  [
    'busy:40216ms rwnd_limited:20ms(0.1%) sndbuf_limited:10000ms(24.9%)',
    {
      busySeconds: 40.216,
      receiveWindowLimitedSeconds: 0.02,
      sendBufferLimitedSeconds: 10,
    },
  ],
] as const;

describe('a subflow', () => {
  it.each(WORDS)('has what ss says in %s', (words, expected) => {
    expect(tcp(words)).toMatchObject(expected);
  });

  it('has 0 for what ss leaves out at 0, as netlink has', () => {
    expect(tcp('')).toEqual({
      sentBytes: 0,
      acknowledgedBytes: 0,
      receivedBytes: 0,
      retransmittedBytes: 0,
      unacknowledgedSegments: 0,
      lostSegments: 0,
      busySeconds: 0,
      receiveWindowLimitedSeconds: 0,
      sendBufferLimitedSeconds: 0,
      lastDataSentSeconds: 0,
      lastDataReceivedSeconds: 0,
      lastAcknowledgementSeconds: 0,
      backoff: 0,
      retransmissionTimeoutSeconds: 0.204,
      rttSeconds: 0.025439,
      rttVariationSeconds: 0.011516,
      congestionWindowBytes: 14480,
      congestionControl: 'cubic',
    });
  });

  it('has a timeout of 3 s when ss shows none, which is how ss writes it', () => {
    expect(tcp('', 'ts cubic mss:1448 cwnd:10')).toMatchObject({ retransmissionTimeoutSeconds: 3 });
  });

  it('has no measured values before there is a sample', () => {
    const fields = Object.keys(tcp('', 'ts cubic rto:1000 mss:536 cwnd:10') ?? {});
    expect(fields).not.toContain('rttSeconds');
    expect(fields).not.toContain('minRttSeconds');
    expect(fields).not.toContain('deliveryRateBytesPerSecond');
    expect(fields).not.toContain('pacingRateBytesPerSecond');
  });

  it('has an empty tcp_info when the kernel gave none, not one of zeros', () => {
    expect(parse(`${START} ${ULP}`)[0]?.tcp).toEqual({});
  });

  it.each([
    ['ts sack bbr wscale:10,10 rto:204 cwnd:10 mss:1 bbr:(bw:0bps,mrtt:1,pacing_gain:1,cwnd_gain:1)', 'bbr'],
    ['ts usec_ts sack ecn ecnseen fastopen reno wscale:1,1 cwnd:10', 'reno'],
    ['lia rto:204 cwnd:10 app_limited', 'lia'],
    ['dctcp wscale:1,1 cwnd:10 dctcp:fallback_mode', 'dctcp'],
    ['ts sack wscale:1,1 cwnd:10 send 1bps app_limited', undefined],
  ])('has the congestion control of %s', (info, name) => {
    expect(tcp('', info)?.congestionControl).toBe(name);
  });

  it('belongs to the connection with the local token, which comes second and is not padded', () => {
    expect(subflow('flags:Jjbec token:92a8f5d(id:7)/b6ae2e(id:2) seq:0')).toMatchObject({
      token: 0x00b6ae2e,
      localId: 2,
      remoteId: 7,
      flags:
        SUBFLOW_FLAG.joinRemote |
        SUBFLOW_FLAG.joinLocal |
        SUBFLOW_FLAG.backupLocal |
        SUBFLOW_FLAG.fullyEstablished |
        SUBFLOW_FLAG.connected,
    });
  });

  it.each([
    ['M', SUBFLOW_FLAG.capableRemote],
    ['m', SUBFLOW_FLAG.capableLocal],
    ['J', SUBFLOW_FLAG.joinRemote],
    ['j', SUBFLOW_FLAG.joinLocal],
    ['B', SUBFLOW_FLAG.backupRemote],
    ['b', SUBFLOW_FLAG.backupLocal],
    ['e', SUBFLOW_FLAG.fullyEstablished],
    ['c', SUBFLOW_FLAG.connected],
    ['v', SUBFLOW_FLAG.mapValid],
    ['Z', 0],
  ])('has the flag of the letter %s', (letter, bit) => {
    expect(subflow(`flags:${letter} token:0000(id:0)/1(id:0)`)?.flags).toBe(bit);
  });

  it('has flags 0 when ss shows none beside the tokens', () => {
    expect(subflow('token:0000(id:0)/1(id:0)')?.flags).toBe(0);
  });

  it('has no token, ids and flags where the kernel hides them', () => {
    expect(Object.keys(subflow('') ?? {}).sort()).toEqual(
      ['cookie', 'inode', 'local', 'remote', 'sendQueueBytes', 'state', 'tcp'].sort(),
    );
    expect(subflow('token:0000(id:0)/0000(id:0)')).not.toHaveProperty('token');
  });

  it('is known by its inode where the kernel hides the ULP', () => {
    expect(parse(`${START} ${INFO}`, [5])).toHaveLength(1);
    expect(parse(`${START} ${INFO}`, [4])).toEqual([]);
  });

  it.each([
    ['plain TCP', INFO],
    ['TLS over TCP', `${INFO} tcp-ulp-tls version: 1.3 rxconf: sw txconf: sw`],
  ])('is not %s', (_, words) => {
    expect(parse(`${START} ${words}`)).toEqual([]);
    expect(parseSubflows(`${START} ${words}`, new Set()).malformed).toBe(0);
  });

  it('is not one while it is a request', () => {
    expect(parse(`SYN-RECV 0 0 10.0.0.1:1 10.0.0.2:2 ino:0 sk:6 <-> ${INFO} ${ULP}`)).toEqual([]);
  });

  it.each([
    'bytes_sent:12x',
    'bytes_sent:-1',
    'rtt:1',
    'rtt:a/b',
    'lastsnd:1s',
    'busy:ms',
    'delivery_rate fast',
    'delivery_rate 1Xbps',
    'pacing_rate',
    'cwnd:ten',
  ])('is skipped and counted when a number is none: %s', (word) => {
    const good = `${START} ${INFO} ${ULP}`;
    const { records, malformed } = parseSubflows(`${good}\n${START} ${INFO} ${word} ${ULP}\n`, new Set());
    expect(records).toHaveLength(1);
    expect(malformed).toBe(1);
  });

  it.each(['token:1/2', 'token:1(id:1)/xyz(id:1)', 'token:1(id:1)/123456789(id:1)'])(
    'is skipped and counted when its tokens are none: %s',
    (word) => {
      const good = `${START} ${INFO} ${ULP}`;
      expect(parseSubflows(`${good}\n${START} ${INFO} tcp-ulp-mptcp ${word}\n`, new Set()).malformed).toBe(1);
    },
  );
});
