import { describe, expect, it } from 'vitest';
import { DESTROY_MESSAGE, decodeClose } from '../../../exporter/src/linux/netlink/destroy.ts';
import type { CloseRecord } from '../../../exporter/src/mptcp/model.ts';
import { attribute, concat, type End, plain } from './fake-kernel.ts';
import { capturedEvents } from './fake-multicast.ts';

const decode = (message: Uint8Array): CloseRecord | undefined =>
  decodeClose(new DataView(message.buffer), 16, message.length);

/** Closes of one step as `local > remote`, with what was acknowledged and received. */
const seen = (step: string, end: End) =>
  capturedEvents(step, end, 'destroy')
    .map(decode)
    .map((close) => [
      `${close?.local.address} ${close?.local.port} > ${close?.remote.address} ${close?.remote.port}`,
      close?.tcp.acknowledgedBytes,
      close?.tcp.receivedBytes,
    ]);

describe('the captured closes', () => {
  it('are messages of sock_diag, each with a cookie of its own', () => {
    const messages = ['v4-client-closes', 'fastclose'].flatMap((step) => capturedEvents(step, 'server', 'destroy'));
    expect(new Set(messages.map((message) => message[4]))).toEqual(new Set([DESTROY_MESSAGE]));
    const cookies = messages.map((message) => decode(message)?.cookie);
    expect(cookies).not.toContain(undefined);
    expect(new Set(cookies).size).toBe(6);
  });

  it('at the end that closes first have the final counters of every subflow, SYN and FIN counted', () => {
    expect(seen('v4-client-closes', 'client')).toEqual([
      ['10.77.1.1 33566 > 10.77.1.2 39713', 196_530, 167_393],
      ['10.77.2.1 50573 > 10.77.1.2 39713', 36_202, 32_609],
    ]);
    expect(seen('v4-server-closes', 'server').slice(0, 2)).toEqual([
      ['10.77.1.2 39469 > 10.77.1.1 58066', 289_025, 1],
      ['10.77.1.2 39469 > 10.77.2.1 48347', 16_465, 1],
    ]);
  });

  it('at the other end lack the initial subflow, which was disconnected: no remote port, counters of 0', () => {
    const [join, initial, listener] = seen('v4-client-closes', 'server');
    expect(join).toEqual(['10.77.1.2 39713 > 10.77.2.1 50573', expect.any(Number), 36_201]);
    expect(initial).toEqual(['0.0.0.0 39713 > 10.77.1.1 0', 0, 0]);
    expect(listener).toEqual(['0.0.0.0 39713 > 0.0.0.0 0', 0, 0]);
  });

  it('of an IPv4 client at a dual-stack listener have IPv4 addresses', () => {
    expect(seen('v4-to-dual-stack', 'server')[0]?.[0]).toMatch(/^10\.77\.1\.2 39367 > 10\.77\.2\.1 \d+$/);
  });

  it('over IPv6 have IPv6 addresses', () => {
    expect(seen('v6-client-closes', 'client')[0]).toEqual(['fd77:1::1 49810 > fd77:1::2 33345', 100_002, 1]);
  });

  it('have all else that tcp_info holds', () => {
    const [message = new Uint8Array()] = capturedEvents('v6-client-closes', 'client', 'destroy');
    expect(plain(decode(message)?.tcp)).toMatchObject({ sentBytes: 100_000, retransmittedBytes: 0, backoff: 0 });
  });
});

describe('a close', () => {
  const header = (family = 2, state = 7) => {
    const bytes = new Uint8Array(16 + 72);
    bytes.set([family, state], 16);
    return bytes;
  };

  it('of another protocol, or of none that it names, is left out', () => {
    expect(decode(concat(header(), attribute(10, [17])))).toBeUndefined();
    expect(decode(header())).toBeUndefined();
  });

  it('without tcp_info has no counters, rather than counters of 0', () => {
    expect(decode(concat(header(), attribute(10, [6])))?.tcp).toEqual({});
  });

  it('with the cookie that means none has none', () => {
    const bytes = concat(header(), attribute(10, [6]));
    bytes.fill(0xff, 16 + 44, 16 + 52);
    expect(decode(bytes)).not.toHaveProperty('cookie');
  });

  it.each([
    ['shorter than its header', new Uint8Array(16 + 40), 'truncated'],
    ['of an unknown family', header(9), 'malformed'],
    ['in an unknown state', header(2, 99), 'malformed'],
    ['with an attribute that ends beyond it', concat(header(), [40, 0, 2, 0]), 'truncated'],
  ])('%s is a typed error', (_, bytes, code) => {
    expect(() => decode(bytes)).toThrow(expect.objectContaining({ code }));
  });
});
