import type { ProbeType } from '../config/probes/settings.ts';
import type { Probe } from './probe.ts';
import { throughput } from './throughput.ts';

/** Every kind of probe by its type. A new one is one file and one line here. */
export const PROBES: ReadonlyMap<ProbeType, Probe> = new Map<ProbeType, Probe>([['throughput', throughput]]);
