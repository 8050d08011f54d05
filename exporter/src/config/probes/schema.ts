import { z } from 'zod';
import { described } from '../explain.ts';
import { scalar, seconds, size } from '../fields.ts';
import { section } from '../section.ts';
import { meant, shown } from '../words.ts';
import {
  BULK_TYPES,
  type BulkType,
  DEFAULT_REFLECTOR_PORT,
  type Direction,
  LATENCY_TYPES,
  MPTCP_PATH,
  type ProbeSettings,
} from './settings.ts';
import { type PortRule, parseTarget } from './target.ts';
import { cronPattern, timetableOf } from './timetable.ts';

/** Most entries; with the most paths each has a bounded number of series. */
const MAXIMUM_PROBES = 64;

/** Most paths of one entry. */
export const MAXIMUM_PROBED_PATHS = 32;

const MINUTE = 60_000;
const DAY = 86_400_000;

const LATENCY_INTERVAL_SECONDS = 15;
const LATENCY_TIMEOUT_SECONDS = 2;
const USUAL_PART_OF_INTERVAL = 0.7;
const BULK_INTERVAL_SECONDS = 6 * 3600;
const DURATION_SECONDS = 5;
/** A leg may take this much longer than its data flows: handshakes, and a queue that drains. */
const GRACE_SECONDS = 15;
const TRANSFER_TIMEOUT_SECONDS = 300;

const FTP_PORT = 21;

/** The thesis's series. */
const SIZES_BYTES = [16e3, 64e3, 256e3, 1e6, 4e6, 16e6, 50e6];

const pathName = z.string().refine((name) => name.toLowerCase() !== MPTCP_PATH, {
  error: 'expected the name of one path: mptcp stands for all of them together; bulk probes have the key mptcp for it',
});

const probedPaths = z
  .array(pathName)
  .refine(
    (names) => names.length >= 1 && names.length <= MAXIMUM_PROBED_PATHS && new Set(names).size === names.length,
    {
      error: `expected 1 to ${MAXIMUM_PROBED_PATHS} names of paths, each once; leave the key out for all paths`,
    },
  );

const file = z.string().min(1, { error: 'expected the name of a file' });

function target(rule: PortRule) {
  return scalar('a host', (text) => parseTarget(text, rule));
}

function common(rule: PortRule) {
  return {
    target: target(rule),
    paths: probedPaths.exactOptional(),
    schedule: cronPattern.exactOptional(),
    jitter: seconds({ minimumMs: 0, maximumMs: DAY }).exactOptional(),
  };
}

function latency<const Type extends string>(type: Type, rule: PortRule) {
  return {
    type: z.literal(type),
    ...common(rule),
    interval: seconds({ minimumMs: 200, maximumMs: DAY }).exactOptional(),
    timeout: seconds({ minimumMs: 100, maximumMs: MINUTE }).exactOptional(),
  };
}

/** Least: what an echo's own words take. */
function payload(minimumBytes: number, maximumBytes: number, usual: number) {
  return size({ minimumBytes, maximumBytes }).default(usual);
}

/** An echo of the reflector's over UDP has at least 40 bytes, and no more than an Ethernet packet takes over IPv6. */
const echoKeys = { payload: payload(40, 1452, 64), token_file: file.exactOptional() };

const direction = z.enum(['up', 'down'], { error: ({ input }) => `expected up or down, got ${described(input)}` });

const directions = z
  .array(direction)
  .refine((all) => all.length >= 1 && new Set(all).size === all.length, {
    error: 'expected up, down or both, each once',
  })
  .default(['up', 'down'] satisfies Direction[]);

function bulk<const Type extends string>(type: Type, rule: PortRule) {
  return {
    type: z.literal(type),
    ...common(rule),
    interval: seconds({ minimumMs: 5000, maximumMs: 30 * DAY }).exactOptional(),
    timeout: seconds({ minimumMs: 1000, maximumMs: 60 * MINUTE }).exactOptional(),
    directions,
    mptcp: z.boolean().default(true),
    token_file: file.exactOptional(),
  };
}

const throughputKeys = {
  duration: seconds({ minimumMs: 500, maximumMs: MINUTE }).default(DURATION_SECONDS),
  maximum_bytes: size({ minimumBytes: 10e3, maximumBytes: 1e12 }).exactOptional(),
};

const sizes = z
  .array(size({ minimumBytes: 1, maximumBytes: 1e9 }))
  .refine((all) => all.length >= 1 && all.length <= 16 && new Set(all).size === all.length, {
    error: 'expected 1 to 16 sizes, each once',
  })
  .default(SIZES_BYTES);

const transferKeys = {
  protocol: z
    .enum(['http', 'ftp'], { error: ({ input }) => `expected http or ftp, got ${described(input)}` })
    .default('http'),
  sizes,
  login_file: file.exactOptional(),
};

const TYPES: readonly string[] = [...LATENCY_TYPES, ...BULK_TYPES];

const entry = z.discriminatedUnion(
  'type',
  [
    section({ ...latency('icmp', 'none'), payload: payload(16, 8000, 56) }),
    section(latency('tcp', 'required')),
    section({ ...latency('udp', DEFAULT_REFLECTOR_PORT), ...echoKeys }),
    section({ ...latency('tcp-echo', DEFAULT_REFLECTOR_PORT), ...echoKeys }),
    section({ ...bulk('throughput', DEFAULT_REFLECTOR_PORT), ...throughputKeys }),
    section({ ...bulk('iperf3', 5201), ...throughputKeys }),
    section({ ...bulk('transfer', DEFAULT_REFLECTOR_PORT), ...transferKeys }),
  ],
  {
    error: (issue) => {
      if (issue.code !== 'invalid_union') return undefined;
      const { type } = issue.input as { readonly type?: unknown };
      if (type === undefined) return `missing, expected one of ${TYPES.join(', ')}`;
      const guess = typeof type === 'string' ? meant(type, TYPES) : undefined;
      return `expected one of ${TYPES.join(', ')}, got ${described(type)}${guess === undefined ? '' : ` (did you mean ${guess}?)`}`;
    },
  },
);

type Entry = z.output<typeof entry>;

function settingsOf(keys: Entry): ProbeSettings {
  const isBulkType = (BULK_TYPES as readonly string[]).includes(keys.type);
  const shared = {
    target: keys.target,
    ...(keys.paths !== undefined && { paths: keys.paths }),
    timetable: timetableOf(keys, isBulkType ? BULK_INTERVAL_SECONDS : LATENCY_INTERVAL_SECONDS),
  };
  switch (keys.type) {
    case 'icmp':
    case 'tcp':
    case 'udp':
    case 'tcp-echo':
      return {
        ...shared,
        type: keys.type,
        timeoutSeconds: keys.timeout ?? usualTimeout(keys.interval),
        payloadBytes: 'payload' in keys ? keys.payload : 0,
        ...('token_file' in keys && { tokenFile: keys.token_file }),
      };
    case 'throughput':
    case 'iperf3':
      return {
        ...shared,
        ...bulkSettings(keys),
        type: keys.type,
        timeoutSeconds: keys.timeout ?? keys.duration + GRACE_SECONDS,
        durationSeconds: keys.duration,
        ...(keys.maximum_bytes !== undefined && { maximumBytes: keys.maximum_bytes }),
      };
    case 'transfer':
      return {
        ...shared,
        ...bulkSettings(keys),
        type: keys.type,
        timeoutSeconds: keys.timeout ?? TRANSFER_TIMEOUT_SECONDS,
        protocol: keys.protocol,
        ...(keys.protocol === 'ftp' && { target: parseTarget(keys.target.text, FTP_PORT) }),
        sizesBytes: keys.sizes.toSorted((a, b) => a - b),
        ...(keys.login_file !== undefined && { loginFile: keys.login_file }),
      };
  }
}

/** A run that gets no answer has ended before the next begins. */
function usualTimeout(interval: number | undefined): number {
  return Math.min(LATENCY_TIMEOUT_SECONDS, USUAL_PART_OF_INTERVAL * (interval ?? LATENCY_INTERVAL_SECONDS));
}

function bulkSettings(keys: Extract<Entry, { readonly type: BulkType }>) {
  const { directions: ways, mptcp, token_file: tokenFile } = keys;
  return { directions: ways, mptcp, ...(tokenFile !== undefined && { tokenFile }) };
}

/** What the keys of one entry have against each other; its last word is the key. */
function conflict(keys: Entry): readonly [key: string, message: string] | undefined {
  const { interval, schedule, jitter, timeout } = keys;
  if (interval !== undefined && schedule !== undefined)
    return ['schedule', 'expected either interval or schedule, got both'];
  const every =
    interval ?? (schedule === undefined ? timetableOf(keys, LATENCY_INTERVAL_SECONDS).intervalSeconds : undefined);
  if ((LATENCY_TYPES as readonly string[]).includes(keys.type) && every !== undefined) {
    if (jitter !== undefined && jitter > every) return ['jitter', 'expected no more than the interval'];
    if (timeout !== undefined && timeout >= every) return ['timeout', 'expected less than the interval'];
  }
  if ('duration' in keys && timeout !== undefined && timeout <= keys.duration)
    return ['timeout', 'expected more than the duration'];
  if ('protocol' in keys && keys.protocol === 'http' && keys.login_file !== undefined) {
    return ['login_file', 'expected only with protocol ftp; our reflector takes token_file'];
  }
  return undefined;
}

/** The section `probes:`. What compares several keys is a transform, which unlike a refinement waits for each to be right. */
export const probesSection: z.ZodType<readonly ProbeSettings[]> = z
  .array(
    entry.transform((keys, context) => {
      const found = conflict(keys);
      if (found !== undefined) context.addIssue({ code: 'custom', path: [found[0]], message: found[1] });
      return settingsOf(keys);
    }),
  )
  .max(MAXIMUM_PROBES, { error: `expected at most ${MAXIMUM_PROBES} probes` })
  .transform((probes, context) => {
    const seen = new Map<string, number>();
    for (const [index, probe] of probes.entries()) {
      // The labels of its series, which two probes may not share.
      const identity = `${probe.type} ${'protocol' in probe ? probe.protocol : ''} ${probe.target.text}`;
      const first = seen.get(identity);
      if (first === undefined) seen.set(identity, index);
      else {
        const message = `expected another type or target, probes[${first}] is ${probe.type} to ${shown(probe.target.text)} too`;
        context.addIssue({ code: 'custom', path: [index, 'target'], message });
      }
    }
    return probes;
  });
