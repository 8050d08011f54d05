import { isIP } from 'node:net';
import { asExporterError } from '../errors.ts';
import { ping } from '../linux/tool/ping.ts';
import type { LatencyProbe } from './probe.ts';
import { failureOf } from './reasons.ts';

const HEADERS = { 4: 20 + 8, 6: 40 + 8 } as const;

/** One ICMP echo request, by ping: where no root is, the kernel decides who may send it (net.ipv4.ping_group_range). */
export const icmp: LatencyProbe = {
  kind: 'latency',
  mostBytes: ({ payloadBytes }) => 2 * (payloadBytes + HEADERS[6]),
  run: async ({ settings, address, interfaceName = '', localAddress, timeoutSeconds, signal, meter, run }) => {
    const { payloadBytes } = settings;
    const bytes = payloadBytes + HEADERS[isIP(address) === 6 ? 6 : 4];
    try {
      const rttSeconds = await ping(
        { address, interfaceName, localAddress, payloadBytes, timeoutSeconds, signal },
        run,
      );
      meter.sent(bytes);
      meter.received(bytes);
      return { ok: true, value: { rttSeconds } };
    } catch (caught) {
      // Those that no answer came to have been sent, the others as a rule not.
      if (['timeout', 'interrupted', 'malformed'].includes(asExporterError(caught).code)) meter.sent(bytes);
      return failureOf(caught);
    }
  },
};
