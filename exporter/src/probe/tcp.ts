import { isIP } from 'node:net';
import { constants } from 'node:os';
import { ownTraffic } from '../linux/own-traffic.ts';
import { beginConnect, connectError, type StreamTarget } from '../linux/stream-socket.ts';
import type { LatencyProbe } from './probe.ts';
import { failureOf } from './reasons.ts';

/** IP and TCP headers with the options of a SYN, and without them but for timestamps. */
const SYN = { 4: 60, 6: 80 } as const;
const SEGMENT = { 4: 52, 6: 72 } as const;
const RESET = { 4: 40, 6: 60 } as const;

const { ECONNREFUSED } = constants.errno;

/** The kernel repeats a SYN after this long, then after twice as long, and so on. */
const SYN_REPEATED_SECONDS = 1;

/** One TCP connect, closed as soon as it stands. */
export const tcp: LatencyProbe = {
  kind: 'latency',
  mostBytes: ({ timeoutSeconds }) => SYN[6] * (syns(timeoutSeconds) + 1) + 6 * SEGMENT[6],
  run: async ({ settings, address, interfaceName, localAddress, timeoutSeconds, signal, meter, libc }) => {
    const { target } = settings;
    const family = isIP(address) === 6 ? 6 : 4;
    const stream: StreamTarget = {
      protocol: 'tcp',
      interfaceName,
      localAddress,
      remote: { address, port: target.port ?? 0 },
    };
    try {
      const system = await libc();
      const begun = performance.now();
      const connecting = beginConnect(system, stream);
      try {
        const errno = await connecting.settled({ timeoutSeconds, signal });
        const elapsed = (performance.now() - begun) / 1000;
        meter.sent(SYN[family] * syns(elapsed));
        if (errno === ECONNREFUSED) meter.received(RESET[family]);
        if (errno !== 0) throw connectError(errno, stream);
        meter.received(SYN[family]);
        // Acknowledgement and FIN; the peer's FIN, and both acknowledgements.
        meter.sent(3 * SEGMENT[family]);
        meter.received(2 * SEGMENT[family]);
        // The kernel's own time of the handshake, which a busy program does not lengthen; it leaves out repeated SYNs.
        const [own] = ownTraffic(system, connecting.descriptor, { address: localAddress ?? '', port: 0 });
        const rttSeconds = elapsed < SYN_REPEATED_SECONDS ? (own?.rttSeconds ?? elapsed) : elapsed;
        return { ok: true, value: { rttSeconds } };
      } finally {
        connecting.close();
      }
    } catch (caught) {
      return failureOf(caught);
    }
  },
};

/** SYNs sent within so many seconds. */
function syns(seconds: number): number {
  return 1 + Math.floor(Math.log2(1 + Math.max(0, seconds) / SYN_REPEATED_SECONDS));
}
