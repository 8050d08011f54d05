import { z } from 'zod';
import { ExporterError } from '../../errors.ts';
import type { InterfaceAddress, InterfaceCounters, NetworkInterface } from '../../mptcp/model.ts';
import { canonicalAddress } from '../address.ts';
import type { Run } from './exec.ts';

/** Most text of one answer; an interface takes some 1.5 KiB. */
export const MOST_BYTES = 16 * 1024 * 1024;

const counter = z.number().nonnegative();
const direction = z.object({ bytes: counter, errors: counter, dropped: counter });

/** What some releases print for an entry that they leave out. */
const nothing = z.strictObject({}).transform(() => undefined);

/** Other families than IP (MCTP) have addresses of other forms. */
const address = z.object({
  family: z.string(),
  local: z.unknown(),
  prefixlen: z.int().min(0).max(128),
  scope: z.string().optional(),
});

const link = z.object({
  ifname: z.string().min(1),
  ifindex: z.int().positive().optional(),
  flags: z.array(z.string()),
  addr_info: z.array(z.union([nothing, address])).optional(),
  stats64: z.object({ rx: direction, tx: direction.extend({ carrier_changes: counter.optional() }) }).optional(),
});

const links = z.array(z.union([nothing, link]));

/** Reads the interfaces with `ip -j -s -s address show`. Throws {@link ExporterError}: `malformed`, and what {@link Run} throws. */
export async function readInterfaces(run: Run, timeoutMs: number): Promise<NetworkInterface[]> {
  const args = ['-j', '-s', '-s', 'address', 'show'];
  return parseInterfaces(await run('ip', args, { timeoutMs, maxBytes: MOST_BYTES }));
}

/**
 * Reads the JSON of `ip -j address show` (iproute2, ip/ipaddress.c); counters are in it with `-s`, carrier changes with `-s -s`.
 * Throws `malformed`.
 */
export function parseInterfaces(text: string): NetworkInterface[] {
  return parseJson(links, text, 'ip -j address show').flatMap((entry) =>
    entry === undefined ? [] : [toInterface(entry)],
  );
}

function toInterface({ ifname, ifindex, flags, addr_info = [], stats64 }: z.infer<typeof link>): NetworkInterface {
  const up = flags.includes('UP');
  return {
    name: ifname,
    ...(ifindex !== undefined && { index: ifindex }),
    loopback: flags.includes('LOOPBACK'),
    up,
    // LOWER_UP is told of interfaces that are up only.
    ...(up && { carrier: flags.includes('LOWER_UP') }),
    ...(stats64?.tx.carrier_changes !== undefined && { carrierChanges: stats64.tx.carrier_changes }),
    addresses: addr_info.flatMap((entry) => (entry === undefined ? [] : toAddress(entry))),
    ...(stats64 !== undefined && { counters: toCounters(stats64) }),
  };
}

function toAddress({ family, local, prefixlen, scope }: z.infer<typeof address>): InterfaceAddress[] {
  if (family !== 'inet' && family !== 'inet6') return [];
  return [{ address: canonicalAddress(String(local)), prefixLength: prefixlen, ...(scope !== undefined && { scope }) }];
}

function toCounters({ rx, tx }: NonNullable<z.infer<typeof link>['stats64']>): InterfaceCounters {
  return {
    receivedBytes: rx.bytes,
    transmittedBytes: tx.bytes,
    receiveDropped: rx.dropped,
    transmitDropped: tx.dropped,
    receiveErrors: rx.errors,
    transmitErrors: tx.errors,
  };
}

/** Parses JSON of a known shape. Throws `malformed`, naming the command and where its output is not of that shape. */
export function parseJson<T>(schema: z.ZodType<T>, text: string, command: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ExporterError('malformed', `the output of ${command} is not JSON`, { cause });
  }
  return parseShape(schema, json, command);
}

/** Checks the shape of what was parsed. Throws `malformed` like {@link parseJson}. */
export function parseShape<T>(schema: z.ZodType<T>, value: unknown, command: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const where = result.error.issues[0]?.path.join('.') || 'its top';
  throw new ExporterError('malformed', `the output of ${command} is not of a known form at ${where}`, {
    cause: result.error,
  });
}
