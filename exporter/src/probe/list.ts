import type { ProbeType } from '../config/probes/settings.ts';
import { icmp } from './icmp.ts';
import { iperf3 } from './iperf3.ts';
import type { Probe } from './probe.ts';
import { tcp } from './tcp.ts';
import { tcpEcho } from './tcp-echo.ts';
import { throughput } from './throughput.ts';
import { transfer } from './transfer.ts';
import { udp } from './udp.ts';

/** Every kind of probe by its type. A new one is one file and one line here. */
export const PROBES: ReadonlyMap<ProbeType, Probe> = new Map<ProbeType, Probe>([
  ['icmp', icmp],
  ['tcp', tcp],
  ['udp', udp],
  ['tcp-echo', tcpEcho],
  ['throughput', throughput],
  ['iperf3', iperf3],
  ['transfer', transfer],
]);
