import { describe, expect, it } from 'vitest';
import {
  decodeAddress,
  decodeLink,
  isInterfaceChange,
  readInterfaces,
} from '../../../exporter/src/linux/netlink/route.ts';
import { NetlinkSocket } from '../../../exporter/src/linux/netlink/socket.ts';
import { attribute, concat, sceneKernel, u32 } from './fake-kernel.ts';
import { capturedEvents } from './fake-multicast.ts';

function view(...parts: readonly (Uint8Array | readonly number[])[]): [DataView, number, number] {
  const bytes = concat(...parts);
  return [new DataView(bytes.buffer), 0, bytes.length];
}

describe("the scene's interfaces", () => {
  const read = () =>
    readInterfaces(new NetlinkSocket({ connect: sceneKernel('client').connect, onIncident: () => undefined }));

  it('are all there, loopback marked, up and with carrier', async () => {
    const interfaces = await read();
    expect(interfaces.map(({ name, index, loopback, up, carrier }) => [name, index, loopback, up, carrier])).toEqual([
      ['lo', 1, true, true, true],
      ['eth0', 59, false, true, true],
      ['wlan0', 61, false, true, true],
      ['lte0', 63, false, true, true],
    ]);
  });

  it('have their addresses of both families with prefix and scope, the link-local ones too', async () => {
    const [loopback, , wlan0] = await read();
    expect(loopback?.addresses).toEqual([
      { address: '127.0.0.1', prefixLength: 8, scope: 'host' },
      { address: '::1', prefixLength: 128, scope: 'host' },
    ]);
    expect(wlan0?.addresses).toEqual([
      { address: '10.77.2.1', prefixLength: 24, scope: 'global' },
      { address: 'fd77:2::1', prefixLength: 64, scope: 'global' },
      { address: 'fe80::a0d8:9bff:fe58:82f2', prefixLength: 64, scope: 'link' },
    ]);
  });

  it('have their 64-bit counters', async () => {
    const [, eth0] = await read();
    expect(eth0?.counters).toEqual({
      receivedBytes: 94_880_840,
      transmittedBytes: 99_447_932,
      receiveErrors: 0,
      transmitErrors: 0,
      receiveDropped: 0,
      transmitDropped: 0,
    });
    expect(eth0?.carrierChanges).toBe(0);
  });
});

describe('a link', () => {
  const header = (flags: number): number[] => [0, 0, 1, 0, ...u32(5), ...u32(flags), ...u32(0)];
  const name = attribute(3, [0x78, 0]);

  it('has only what the kernel tells: counters, carrier and its changes are absent, not zero', () => {
    expect(decodeLink(...view(header(0), name))).toEqual({ name: 'x', index: 5, loopback: false, up: false });
  });

  it('that lost its carrier says so', () => {
    const link = decodeLink(...view(header(1), name, attribute(33, [0]), attribute(35, u32(3))));
    expect(link).toMatchObject({ up: true, carrier: false, carrierChanges: 3 });
  });

  it('counts each thing in its own field', () => {
    const statistics = Array.from({ length: 25 }, (_, index) => [...u32(index), ...u32(1)]).flat();
    const counter = (index: number): number => 2 ** 32 + index;
    expect(decodeLink(...view(header(1), name, attribute(23, statistics))).counters).toEqual({
      receivedBytes: counter(2),
      transmittedBytes: counter(3),
      receiveErrors: counter(4),
      transmitErrors: counter(5),
      receiveDropped: counter(6),
      transmitDropped: counter(7),
    });
  });

  it.each([
    ['without a name', [header(1)], 'malformed'],
    ['with an empty name', [header(1), attribute(3, [0])], 'malformed'],
    ['with counters cut short', [header(1), name, attribute(23, new Uint8Array(63))], 'malformed'],
    ['shorter than its header', [header(1).slice(0, 15)], 'truncated'],
  ])('%s is a typed error', (_, parts, code) => {
    expect(() => decodeLink(...view(...parts))).toThrow(expect.objectContaining({ code }));
  });
});

describe('an address', () => {
  const header = (family: number, scope = 0): number[] => [family, 24, 0, scope, ...u32(5)];
  const own = attribute(2, [10, 0, 0, 1]);
  const peer = attribute(1, [10, 0, 0, 2]);

  it("on a point-to-point link is ours, not the peer's, in whichever order they come", () => {
    for (const parts of [
      [own, peer],
      [peer, own],
    ]) {
      expect(decodeAddress(...view(header(2), ...parts))?.address.address).toBe('10.0.0.1');
    }
  });

  it.each([
    [0, 'global'],
    [200, 'site'],
    [253, 'link'],
    [254, 'host'],
    [42, undefined],
  ])('of scope %i is %s', (scope, text) => {
    expect(decodeAddress(...view(header(2, scope), own))?.address.scope).toBe(text);
  });

  it('of another family is left out', () => {
    expect(decodeAddress(...view(header(28), own))).toBeUndefined();
  });

  it.each([
    ['without an address', [header(2)], 'malformed'],
    ['with half an IPv6 address', [header(10), peer], 'malformed'],
    ['shorter than its header', [[2, 24, 0]], 'truncated'],
  ])('%s is a typed error', (_, parts, code) => {
    expect(() => decodeAddress(...view(...parts))).toThrow(expect.objectContaining({ code }));
  });
});

describe('a change of an interface', () => {
  it.each(['link-down', 'link-up', 'address-removed'])('is told by every message of %s', (step) => {
    const types = capturedEvents(step, 'client', 'route').map(
      (message) => (message[4] ?? 0) | ((message[5] ?? 0) << 8),
    );
    expect(types.length).toBeGreaterThan(0);
    expect(types.every(isInterfaceChange)).toBe(true);
  });

  it.each([3, 18, 22, 24, 28])('is not what a message of type %i tells', (type) => {
    expect(isInterfaceChange(type)).toBe(false);
  });
});
