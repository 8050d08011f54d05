import type { BulkSettings, ThroughputSettings } from '../../exporter/src/config/probes/settings.ts';
import { type Libc, loadLibc } from '../../exporter/src/linux/libc.ts';
import { run } from '../../exporter/src/linux/tool/exec.ts';
import type { Leg, LegRun } from '../../exporter/src/probe/probe.ts';

let libc: Promise<Libc> | undefined;

/** What a meter was told. */
export interface Told {
  sent: number;
  received: number;
}

/** Settings of half a second of throughput against a port of this machine. */
export const loopbackSettings = (port: number, rest: Partial<ThroughputSettings> = {}): ThroughputSettings => ({
  type: 'throughput',
  target: { text: `127.0.0.1:${port}`, host: '127.0.0.1', port },
  timetable: { intervalSeconds: 3600, jitterSeconds: 0 },
  timeoutSeconds: 20,
  directions: ['up', 'down'],
  mptcp: true,
  durationSeconds: 0.5,
  ...rest,
});

/** A leg over the loopback: bound to it, or over MPTCP where `protocol` says so. */
export function loopbackLeg(
  settings: BulkSettings,
  leg: Leg,
  rest: { readonly protocol?: 'tcp' | 'mptcp'; readonly remaining?: number } & Partial<LegRun> = {},
): { readonly leg: LegRun; readonly told: Told } {
  const { protocol = 'tcp', remaining = Number.POSITIVE_INFINITY, ...others } = rest;
  const told: Told = { sent: 0, received: 0 };
  libc ??= loadLibc();
  return {
    told,
    leg: {
      settings,
      leg,
      path: protocol === 'tcp' ? 'loopback' : 'mptcp',
      ...(protocol === 'tcp' && { interfaceName: 'lo', localAddress: '127.0.0.1' }),
      address: '127.0.0.1',
      timeoutSeconds: settings.timeoutSeconds,
      signal: new AbortController().signal,
      meter: {
        sent: (bytes) => {
          told.sent += bytes;
        },
        received: (bytes) => {
          told.received += bytes;
        },
        get remaining() {
          return remaining - told.sent - told.received;
        },
      },
      libc: () => libc ?? loadLibc(),
      run,
      pathOf: () => 'loopback',
      ...others,
    },
  };
}
