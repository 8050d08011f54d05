import { z } from 'zod';
import type { PathManagerEndpoint, PathManagerLimits } from '../../mptcp/model.ts';
import { canonicalAddress } from '../address.ts';
import type { Run } from './exec.ts';
import { MOST_BYTES, parseJson, parseShape } from './ip.ts';
import { isAtLeast, type Version } from './version.ts';

const flag = z.literal(true).optional();

/** In the order of their bits (MPTCP_PM_ADDR_FLAG_*, uapi/linux/mptcp_pm.h). */
const flags = { signal: flag, subflow: flag, backup: flag, fullmesh: flag, implicit: flag, laminar: flag };
const FLAG_NAMES = z.object(flags).keyof().options;

const endpoint = z.object({
  address: z.string(),
  id: z.int().min(0).max(255),
  port: z.int().min(1).max(65535).optional(),
  dev: z.string().min(1).optional(),
  ...flags,
  /** In base 16, the bits that this release of `ip` has no name for. */
  rawflags: z
    .string()
    .regex(/^[0-9a-f]{1,8}$/)
    .optional(),
});

const limit = z.int().min(0).max(0xffffffff);
const limits = z.object({ add_addr_accepted: limit, subflows: limit });

/** Reads the endpoints with `ip mptcp endpoint show`. Throws {@link ExporterError}: `malformed`, and what {@link Run} throws. */
export async function readEndpoints(run: Run, version: Version, timeoutMs: number): Promise<PathManagerEndpoint[]> {
  // 5.10, and perhaps some after it, ends its JSON with a brace too many and no bracket.
  const json = isAtLeast(version, 5, 15) ? ['-j'] : [];
  return parseEndpoints(await run('ip', [...json, 'mptcp', 'endpoint', 'show'], { timeoutMs, maxBytes: MOST_BYTES }));
}

/** Reads the limits with `ip mptcp limits show`. Throws {@link ExporterError}: `malformed`, and what {@link Run} throws. */
export async function readLimits(run: Run, timeoutMs: number): Promise<PathManagerLimits> {
  return parseLimits(await run('ip', ['mptcp', 'limits', 'show'], { timeoutMs, maxBytes: MOST_BYTES }));
}

/** Reads the JSON or the text of `ip mptcp endpoint show` (iproute2, ip/ipmptcp.c). Throws `malformed`. */
export function parseEndpoints(text: string): PathManagerEndpoint[] {
  const name = 'ip mptcp endpoint show';
  if (text.startsWith('[')) return parseJson(z.array(endpoint), text, name).map(toEndpoint);
  return nonEmptyLines(text).map((line) => {
    const [address, ...words] = line;
    return toEndpoint(parseShape(endpoint, { ...fields(words, ENDPOINT_VALUES), address }, name));
  });
}

/** Reads `ip mptcp limits show`, which every release so far prints as text even with `-j`. Throws `malformed`. */
export function parseLimits(text: string): PathManagerLimits {
  const name = 'ip mptcp limits show';
  const parsed = /^\s*[[{]/.test(text)
    ? parseJson(z.union([limits, z.tuple([limits]).transform(([only]) => only)]), text, name)
    : parseShape(limits, fields(nonEmptyLines(text).flat(), LIMITS_VALUES), name);
  return { subflows: parsed.subflows, addAddrAccepted: parsed.add_addr_accepted };
}

/** Words that a value follows, and whether it is a number; any other word is a flag. */
type Values = ReadonlyMap<string, 'number' | 'text'>;

const ENDPOINT_VALUES: Values = new Map([
  ['id', 'number'],
  ['port', 'number'],
  ['rawflags', 'text'],
  ['dev', 'text'],
]);

const LIMITS_VALUES: Values = new Map([
  ['add_addr_accepted', 'number'],
  ['subflows', 'number'],
]);

function nonEmptyLines(text: string): string[][] {
  return text
    .split('\n')
    .map((line) => line.split(' ').filter((word) => word !== ''))
    .filter((words) => words.length > 0);
}

/** The words of a line as the object that the JSON would be. */
function fields(words: readonly string[], values: Values): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const kind = values.get(word);
    if (kind === undefined) object[word] = true;
    else {
      index++;
      const value = words[index];
      object[word] = kind === 'number' && /^\d{1,10}$/.test(value ?? '') ? Number(value) : value;
    }
  }
  return object;
}

function toEndpoint({ id, address, port, dev, rawflags, ...named }: z.infer<typeof endpoint>): PathManagerEndpoint {
  return {
    id,
    address: canonicalAddress(address),
    ...(port !== undefined && { port }),
    ...(dev !== undefined && { interfaceName: dev }),
    flags: flagNames(named, Number.parseInt(rawflags ?? '0', 16)),
  };
}

/** A bit that an old `ip` has no name for may well have one here. */
function flagNames(named: Pick<z.infer<typeof endpoint>, keyof typeof flags>, raw: number): string[] {
  const names: string[] = FLAG_NAMES.filter((name, bit) => named[name] === true || raw & (1 << bit));
  for (let bit = FLAG_NAMES.length; bit < 32; bit++) {
    const mask = (1 << bit) >>> 0;
    if (raw & mask) names.push(`0x${mask.toString(16)}`);
  }
  return names;
}
