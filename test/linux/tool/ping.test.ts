import { describe, expect, it } from 'vitest';
import { ExporterError } from '../../../exporter/src/errors.ts';
import type { Run, RunOptions } from '../../../exporter/src/linux/tool/exec.ts';
import { type PingRequest, parsePing, ping } from '../../../exporter/src/linux/tool/ping.ts';

const REQUEST: PingRequest = { address: '192.0.2.7', interfaceName: 'wlan0', payloadBytes: 56, timeoutSeconds: 0.7 };

/** iputils 20221126, captured but for the addresses. */
const statistics = (received: number) =>
  `\n--- 192.0.2.7 ping statistics ---\n1 packets transmitted, ${received} received, ${received === 1 ? 0 : 100}% packet loss, time 0ms\n`;
const HEAD = 'PING 192.0.2.7 (192.0.2.7) from 192.0.2.2 wlan0: 56(84) bytes of data.\n';

describe('what ping writes', () => {
  it.each([
    [
      'iputils',
      `${HEAD}64 bytes from 192.0.2.7: icmp_seq=1 ttl=64 time=20.4 ms\n${statistics(1)}rtt min/avg/max/mdev = 20.4/20.4/20.4/0.000 ms\n`,
      0.0204,
    ],
    [
      'iputils, IPv6',
      'PING ::1(::1) from ::1 lo: 56 data bytes\n64 bytes from ::1: icmp_seq=1 ttl=64 time=0.095 ms\n',
      0.000095,
    ],
    [
      'BusyBox',
      'PING 192.0.2.7 (192.0.2.7): 56 data bytes\n64 bytes from 192.0.2.7: seq=0 ttl=42 time=312.301 ms\n',
      0.312301,
    ],
    ['a second that is late', `${HEAD}64 bytes from 192.0.2.7: icmp_seq=1 ttl=64 time=1003 ms\n`, 1.003],
  ])('is a round trip time: %s', (_, text, seconds) => {
    expect(parsePing(text, REQUEST)).toBeCloseTo(seconds, 9);
  });

  it.each([
    ['nothing came', `${HEAD}${statistics(0)}`, 'timeout'],
    [
      'a router knows no way',
      `${HEAD}From 198.51.100.1 icmp_seq=1 Destination Host Unreachable\n${statistics(0)}`,
      'unreachable',
    ],
    ['a firewall', `${HEAD}From 198.51.100.1 icmp_seq=1 Packet filtered\n${statistics(0)}`, 'unreachable'],
    ['a loop', `${HEAD}From 198.51.100.1 icmp_seq=1 Time to live exceeded\n${statistics(0)}`, 'unreachable'],
    [
      'other bytes',
      `${HEAD}64 bytes from 192.0.2.7: icmp_seq=1 ttl=64 time=20.4 ms\nwrong data byte #16 should be 0x10 but was 0x0\n`,
      'malformed',
    ],
    ['a truncated answer', `${HEAD}32 bytes from 192.0.2.7: icmp_seq=1 ttl=64 (truncated)\n`, 'malformed'],
    ['something else', 'usage: ping [-c count] host\n', 'tool_failed'],
    ['nothing at all', '', 'tool_failed'],
  ])('is why there is none: %s', (_, text, code) => {
    expect(() => parsePing(text, REQUEST)).toThrow(expect.objectContaining({ code }));
  });
});

/** The arguments of a run that writes this. */
async function asked(request: PingRequest): Promise<readonly string[]> {
  let seen: readonly string[] = [];
  const run: Run = async (program, args) => {
    seen = [program, ...args];
    return '64 bytes from 192.0.2.7: icmp_seq=1 ttl=64 time=1 ms\n';
  };
  await ping(request, run);
  return seen;
}

describe('ping', () => {
  it('is asked for one packet over the interface, from the address', async () => {
    const common = ['-n', '-c', '1', '-W', '1', '-s', '56'];
    expect(await asked(REQUEST)).toEqual(['ping', '-4', ...common, '-I', 'wlan0', '192.0.2.7']);
    const v6 = { ...REQUEST, address: '2001:db8::7', localAddress: '2001:db8::2' };
    expect(await asked(v6)).toEqual(['ping', '-6', ...common, '-I', '2001:db8::2', '-I', 'wlan0', '2001:db8::7']);
  });

  it.each([
    ['ping: SO_BINDTODEVICE wlan0: No such device', 'unreachable'],
    ['ping: unknown iface: wlan0', 'unreachable'],
    ['ping: bind: Cannot assign requested address', 'unreachable'],
    ['ping: connect: Network is unreachable', 'unreachable'],
    ['ping: socket: Operation not permitted', 'permission_denied'],
    ['ping: socktype: SOCK_RAW\nping: socket: Permission denied', 'permission_denied'],
    ["ping: invalid option -- 'W'", 'tool_failed'],
  ])('that complains %j fails for that reason', async (complaint, code) => {
    const run = (_: string, __: readonly string[], options: RunOptions): Promise<string> => {
      expect(options.quoteErrors).toBe(true);
      return Promise.reject(new ExporterError('tool_failed', `ping ended with exit code 2: ${complaint}`));
    };
    await expect(ping(REQUEST, run)).rejects.toMatchObject({ code });
  });

  it('asks loopback for real', async () => {
    const seconds = await ping({ ...REQUEST, address: '127.0.0.1', interfaceName: 'lo', timeoutSeconds: 5 }).catch(
      ({ code }: ExporterError) => code, // the machine may forbid it, or have no ping
    );
    if (typeof seconds === 'number') expect(seconds).toBeLessThan(1);
    else expect(['permission_denied', 'tool_missing']).toContain(seconds);
  });
});
