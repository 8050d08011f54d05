import { describe, expect, it } from 'vitest';
import { decodeClose } from '../../exporter/src/linux/netlink/destroy.ts';
import { decodePathManagerEvent } from '../../exporter/src/linux/netlink/pm-events.ts';
import { placer } from '../../exporter/src/mptcp/assemble.ts';
import { Ledger } from '../../exporter/src/mptcp/ledger.ts';
import { pathMatcher } from '../../exporter/src/mptcp/path-rules.ts';
import type { End } from '../linux/netlink/fake-kernel.ts';
import { capturedEvents } from '../linux/netlink/fake-multicast.ts';
import { networkInterface, reading, snapshot } from '../support/scene.ts';

/** The captures' interfaces: link 1 and 2, `.1` at the client and `.2` at the server. */
const interfacesOf = (end: End) =>
  ['eth0', 'wlan0'].map((name, index) => {
    const link = index + 1;
    const host = end === 'client' ? 1 : 2;
    const addresses = [`10.77.${link}.${host}`, `fd77:${link}::${host}`].map((address) => ({
      address,
      prefixLength: 24,
    }));
    return networkInterface(name, link, { addresses });
  });

/** What the paths have after a captured step of which no look showed anything. */
function replay(step: string, end: End) {
  const ledger = new Ledger({ minimumSpanSeconds: 0.5 });
  const interfaces = interfacesOf(end);
  const fold = (monotonicSeconds: number) =>
    ledger.fold(snapshot(reading({}, { monotonicSeconds, interfaces: { value: interfaces } })));
  const placeOf = placer(interfaces, { rules: [], match: pathMatcher([]) });
  fold(0);
  const view = (message: Uint8Array) => [new DataView(message.buffer), 16, message.length] as const;
  for (const message of capturedEvents(step, end, 'pm')) {
    const event = decodePathManagerEvent(...view(message));
    if (event !== undefined) ledger.announced(event, (subflow) => placeOf(subflow).path, 0.1);
  }
  for (const message of capturedEvents(step, end, 'destroy')) {
    const close = decodeClose(...view(message));
    if (close !== undefined) ledger.closed(close, 0.2);
  }
  for (const seconds of [1, 6, 7, 12, 18, 24, 30]) fold(seconds);
  const paths = [...ledger.paths.values()];
  const sum = (of: (path: (typeof paths)[number]) => number | undefined) =>
    paths.reduce((all, path) => all + (of(path) ?? 0), 0);
  return {
    received: sum((path) => path.receivedBytes),
    acknowledged: sum((path) => path.acknowledgedBytes),
    established: paths.map((path) => path.subflowsEstablished),
    closed: sum((path) => path.subflowsClosed.connection_closed),
    unaccounted: paths.map((path) => path.unaccountedCloses),
    left: [ledger.openSubflows, ledger.rememberedCloses],
  };
}

describe('captured connections of which no look showed anything', () => {
  // What MPTCP sent again on the other subflow the paths have carried twice, though the application sent it once.
  it.each([
    ['v4-client-closes', 'client', 200_000, 200_000, 32_728],
    ['v4-server-closes', 'server', 0, 300_000, 5486],
    ['v6-client-closes', 'client', 0, 100_000, 0],
    ['v4-to-dual-stack', 'client', 0, 100_000, 0],
  ] as const)('%s: the %s’s paths have what the application counted', (step, end, received, sent, again) => {
    // Each subflow's FIN counts as received, its SYN and its FIN as acknowledged.
    expect(replay(step, end)).toMatchObject({
      received: received + 2,
      acknowledged: sent + again + 4,
      established: end === 'client' ? [1, 1] : [2, 0], // both to the server's first address
      closed: 2,
      unaccounted: [0, 0],
      left: [0, 0],
    });
  });

  it.each([
    ['v4-client-closes', 'server', [2, 0], [1, 0]],
    ['v4-server-closes', 'client', [1, 1], [1, 0]],
    ['v6-client-closes', 'server', [2, 0], [1, 0]],
    ['v4-to-dual-stack', 'server', [2, 0], [1, 0]],
    ['fastclose', 'server', [2, 0], [1, 0]],
  ] as const)(
    '%s: the %s’s initial subflow, disconnected before its close, is unaccounted',
    (step, end, established, unaccounted) => {
      expect(replay(step, end)).toMatchObject({ established, closed: 2, unaccounted, left: [0, 0] });
    },
  );

  it('fastclose: the end that resets has all bytes of both subflows', () => {
    expect(replay('fastclose', 'client')).toMatchObject({ acknowledged: 100_002, closed: 2, unaccounted: [0, 0] });
  });
});
