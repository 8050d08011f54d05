import { z } from 'zod';
import type { Run } from './exec.ts';
import { parseJson } from './ip.ts';

/** Where a packet would leave. */
export interface Route {
  readonly interfaceName: string;
  /** Absent when the destination is taken for a neighbour on the link itself. */
  readonly gateway?: string;
}

/** What to ask the kernel's routing for. */
export interface RouteQuestion {
  readonly destination: string;
  /** An address of this machine. */
  readonly from: string;
  /** Of a socket that is bound to it. */
  readonly interfaceName?: string;
}

const answer = z.array(z.object({ dev: z.string().min(1), gateway: z.string().optional() })).min(1);

/** `ip` ends with 2 when the kernel answers that there is no way. */
const REFUSED = 2;

/**
 * Which way a packet takes, by `ip -j route get`, rules and tables considered; undefined when there is none. Sends nothing.
 * Throws {@link ExporterError}: `malformed`, and what {@link Run} throws.
 */
export async function readRoute(run: Run, question: RouteQuestion, timeoutMs: number): Promise<Route | undefined> {
  const { destination, from, interfaceName } = question;
  const bound = interfaceName === undefined ? [] : ['oif', interfaceName];
  const args = ['-j', 'route', 'get', destination, 'from', from, ...bound];
  const text = await run('ip', args, { timeoutMs, maxBytes: 65_536, acceptedExitCodes: [REFUSED] });
  return text.trim() === '' ? undefined : parseRoute(text);
}

/** Reads the JSON of `ip -j route get` (iproute2, ip/iproute.c). Throws `malformed`. */
export function parseRoute(text: string): Route | undefined {
  const [first] = parseJson(answer, text, 'ip -j route get');
  return first && { interfaceName: first.dev, ...(first.gateway !== undefined && { gateway: first.gateway }) };
}
