import { describe, expect, it } from 'vitest';
import { decodePathManagerEvent, eventGroup } from '../../../exporter/src/linux/netlink/pm-events.ts';
import type { PathManagerEvent } from '../../../exporter/src/mptcp/model.ts';
import { attribute, concat, type End, u32 } from './fake-kernel.ts';
import { capturedEvents } from './fake-multicast.ts';

const decode = (message: Uint8Array): PathManagerEvent | undefined =>
  decodePathManagerEvent(new DataView(message.buffer), 16, message.length);

const seen = (step: string, end: End) => capturedEvents(step, end, 'pm').map(decode);

const at = (address: string, port: number) => ({ address, port });

/** One connection's life: the same addresses in every event, and tokens that only the two ends' own events share. */
function life(step: string, end: End) {
  const events = seen(step, end);
  const [created] = events.filter((event) => event?.name === 'created');
  return { events, names: events.map((event) => event?.name), token: created?.token };
}

describe('the captured life of a connection', () => {
  it('at the client is created, established, joined and closed, under one token', () => {
    const { events, names, token } = life('v4-client-closes', 'client');
    expect(names).toEqual(['created', 'established', 'subflow_established', 'closed']);
    expect(token).toBeGreaterThan(0);
    expect(new Set(events.map((event) => event?.token))).toEqual(new Set([token]));
    const initial = { token, localId: 0, remoteId: 0, local: at('10.77.1.1', 33566), remote: at('10.77.1.2', 39713) };
    expect(events).toEqual([
      { name: 'created', ...initial },
      { name: 'established', ...initial },
      {
        name: 'subflow_established',
        token,
        localId: 1,
        remoteId: 0,
        interfaceIndex: 3,
        local: at('10.77.2.1', 50573),
        remote: at('10.77.1.2', 39713),
      },
      { name: 'closed', token },
    ]);
  });

  it('at the server says so, and tells of the listener before and after', () => {
    const { events, names, token } = life('v4-client-closes', 'server');
    expect(names).toEqual([
      'listener_created',
      'created',
      'established',
      'subflow_established',
      'closed',
      'listener_closed',
    ]);
    expect(events[0]).toEqual({ name: 'listener_created', local: at('0.0.0.0', 39713) });
    expect(events[2]).toEqual({
      name: 'established',
      token,
      serverSide: true,
      localId: 0,
      remoteId: 0,
      local: at('10.77.1.2', 39713),
      remote: at('10.77.1.1', 33566),
    });
    expect(events[3]).toMatchObject({ localId: 0, remoteId: 1, remote: at('10.77.2.1', 50573) });
  });

  it('over IPv6 has IPv6 addresses', () => {
    expect(seen('v6-client-closes', 'client')[2]).toMatchObject({
      name: 'subflow_established',
      localId: 2,
      local: { address: 'fd77:2::1' },
      remote: { address: 'fd77:1::2', port: 33345 },
    });
  });

  it('from an IPv4 client to a dual-stack listener has IPv4 addresses', () => {
    expect(seen('v4-to-dual-stack', 'server')[1]).toMatchObject({
      name: 'created',
      local: at('10.77.1.2', 39367),
      remote: at('10.77.1.1', 56806),
    });
  });

  it('that the peer ended by fastclose has no closed event', () => {
    expect(life('fastclose', 'client').names.at(-1)).toBe('closed');
    expect(life('fastclose', 'server').names).not.toContain('closed');
  });
});

describe('the captured changes', () => {
  it.each([
    ['endpoint-removed', 'client', [{ name: 'subflow_closed', localId: 1, interfaceIndex: 3 }]],
    [
      'endpoint-removed',
      'server',
      [
        { name: 'removed', remoteId: 1 },
        { name: 'subflow_closed', localId: 0, remoteId: 1 },
      ],
    ],
    ['priority-changed', 'server', [{ name: 'subflow_priority', remote: { address: '10.77.2.1' } }]],
    ['subflow-reset', 'client', [{ name: 'subflow_closed', error: 103 }]],
    ['subflow-reset', 'server', [{ name: 'subflow_closed', error: 104, resetReason: 0 }]],
    [
      'address-announced',
      'client',
      [
        { name: 'announced', remoteId: 1, remote: { address: '10.77.2.2' } },
        { name: 'subflow_established', remoteId: 1 },
      ],
    ],
  ] as const)('%s at the %s', (step, end, expected) => {
    const events = seen(step, end);
    expect(events).toHaveLength(expected.length);
    expect(events).toMatchObject(expected);
  });

  it('leave out what the kernel did not say', () => {
    expect(Object.keys(seen('endpoint-removed', 'server')[0] ?? {}).sort()).toEqual(['name', 'remoteId', 'token']);
  });
});

describe('an event', () => {
  const event = (number: number, ...attributes: Uint8Array[]) =>
    decode(concat(new Uint8Array(16), [number, 1, 0, 0], ...attributes));

  it.each([
    [1, 'created'],
    [2, 'established'],
    [3, 'closed'],
    [6, 'announced'],
    [7, 'removed'],
    [10, 'subflow_established'],
    [11, 'subflow_closed'],
    [13, 'subflow_priority'],
    [15, 'listener_created'],
    [16, 'listener_closed'],
  ])('number %i is %s', (number, name) => {
    expect(event(number, attribute(1, u32(7)))).toEqual({ name, token: 7 });
  });

  it('of a later kernel is left out', () => {
    expect(event(17, attribute(1, u32(7)))).toBeUndefined();
  });

  it('knows the server by the flag that replaces the attribute, and by the attribute of older kernels', () => {
    expect(event(2, attribute(13, [2, 0]))).toEqual({ name: 'established', serverSide: true });
    expect(event(2, attribute(13, [1, 0]))).toEqual({ name: 'established' });
    expect(event(2, attribute(18, [0]))).toEqual({ name: 'established', serverSide: false });
  });

  it('with an address but no port has no end, since a port is never made up', () => {
    expect(event(6, attribute(7, [10, 0, 0, 1]))).toEqual({ name: 'announced' });
  });

  it.each([
    ['a short token', attribute(1, [1, 2]), 'malformed'],
    ['half an address', attribute(6, [1, 2, 3, 4]), 'malformed'],
    ['half a port', attribute(9, [1]), 'malformed'],
    ['a cut attribute', Uint8Array.of(40, 0, 1, 0), 'truncated'],
  ])('with %s is a typed error', (_, bytes, code) => {
    expect(() => event(1, bytes)).toThrow(expect.objectContaining({ code }));
  });
});

describe('the group of the events', () => {
  it('is found by its name', () => {
    expect(eventGroup({ id: 28, groups: new Map([['mptcp_pm_events', 9]]) })).toBe(9);
  });

  it('is missed by name on a kernel that has none, with what it takes', () => {
    expect(() => eventGroup({ id: 28, groups: new Map([['mptcp_pm_cmds', 8]]) })).toThrow(
      expect.objectContaining({ code: 'not_supported', remedy: 'They take Linux 5.12 or later.' }),
    );
  });
});
