import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Transport } from '../../../exporter/src/linux/netlink/transport.ts';

/** Ends of the captured scene. */
export type End = 'client' | 'server';

/** The captured dumps, by the file's name without `.bin`. */
export function capture(end: End, name: string): Uint8Array {
  return Uint8Array.from(
    readFileSync(new URL(`../../fixtures/linux-6.18/${end}/netlink/${name}.bin`, import.meta.url)),
  );
}

/** The netlink messages of a capture, headers included. */
export function messagesOf(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = view.getUint32(offset, true);
    messages.push(bytes.slice(offset, offset + length));
    offset += (length + 3) & ~3;
  }
  return messages;
}

/** The payloads of a capture's rows, without headers and the final NLMSG_DONE. */
export function rowsOf(bytes: Uint8Array): Uint8Array[] {
  return messagesOf(bytes)
    .filter((message) => message[4] !== 3)
    .map((message) => message.slice(16));
}

/** The same as a plain object: of a record, whose fields are read when they are asked for, every field that is known. */
export function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

/** One attribute, padded. */
export function attribute(type: number, value: Uint8Array | readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + Math.ceil(value.length / 4) * 4);
  bytes.set([(4 + value.length) & 0xff, (4 + value.length) >>> 8, type & 0xff, type >>> 8]);
  bytes.set(value, 4);
  return bytes;
}

/** The 4 bytes of a u32 in host order. */
export function u32(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

/** Parts one after the other. */
export function concat(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A netlink message; sequence and port are filled in when the fake kernel sends it. */
export function message(type: number, flags: number, payload: Uint8Array | readonly number[]): Uint8Array {
  return concat(
    u32(16 + payload.length),
    [type & 0xff, type >>> 8, flags & 0xff, flags >>> 8],
    u32(0),
    u32(0),
    payload,
  );
}

/** NLMSG_DONE, after success or with an errno. */
export function done(errno = 0, flags = 0x2): Uint8Array {
  return message(3, flags, u32(-errno));
}

/** NLMSG_ERROR as with NETLINK_CAP_ACK: errno, the request's header, and extended ACK text where given. */
export function refusal(errno: number, text?: string): Uint8Array {
  const extended = text === undefined ? [] : attribute(1, new TextEncoder().encode(`${text}\0`));
  return message(2, text === undefined ? 0x100 : 0x300, concat(u32(-errno), new Uint8Array(16), extended));
}

/** What one read gives: a datagram, a datagram left as it is (no sequence filled in), an errno, or no more until asked anew. */
export type Step = Uint8Array | { readonly verbatim: Uint8Array } | { readonly errno: keyof typeof constants.errno };

/** One request as the kernel sees it. */
export interface SeenRequest {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** An error as node:fs throws it. */
export function systemError(name: keyof typeof constants.errno): Error {
  return Object.assign(new Error(name), { errno: -constants.errno[name], code: name });
}

/** One read of a descriptor: takes the next step off its queue; EAGAIN when there is none, and what does not fit is lost. */
export function readStep(queue: Step[], into: Uint8Array): number {
  const step = queue.shift() ?? { errno: 'EAGAIN' };
  if ('errno' in step) throw systemError(step.errno);
  const bytes = 'verbatim' in step ? step.verbatim : step;
  into.set(bytes.subarray(0, into.length));
  return Math.min(bytes.length, into.length);
}

/**
 * A kernel that answers each request by script. What is left unread of an answer stays in the descriptor's queue, as in
 * the real one; with nothing queued a read gives EAGAIN.
 */
export class FakeKernel {
  readonly requests: SeenRequest[] = [];
  /** Descriptors opened so far, and how many of them have not been closed. */
  opened = 0;
  open = 0;
  readonly #answer: (request: SeenRequest) => readonly Step[];

  constructor(answer: (request: SeenRequest) => readonly Step[]) {
    this.#answer = answer;
  }

  /** Opens a descriptor of its own queue. */
  readonly connect = (): Transport => {
    this.opened += 1;
    this.open += 1;
    const port = 0x4000 + this.opened;
    const queue: Step[] = [];
    return {
      write: (bytes) => {
        const request = parseRequest(bytes);
        this.requests.push(request);
        for (const step of this.#answer(request)) {
          queue.push(step instanceof Uint8Array ? addressed(step, request.sequence, port) : step);
        }
      },
      read: (into) => readStep(queue, into),
      close: () => {
        this.open -= 1;
      },
    };
  };
}

/** The bytes of a datagram with every message's sequence and port filled in. */
function addressed(datagram: Uint8Array, sequence: number, port: number): Uint8Array {
  const copy = datagram.slice();
  const view = new DataView(copy.buffer);
  for (let offset = 0; offset + 16 <= copy.length; ) {
    view.setUint32(offset + 8, sequence, true);
    view.setUint32(offset + 12, port, true);
    offset += Math.ceil(Math.max(16, view.getUint32(offset, true)) / 4) * 4;
  }
  return copy;
}

function parseRequest(bytes: Uint8Array): SeenRequest {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    type: view.getUint16(4, true),
    flags: view.getUint16(6, true),
    sequence: view.getUint32(8, true),
    payload: bytes.slice(16, view.getUint32(0, true)),
  };
}

/** The name of the capture that answers a request. */
export function captureName({ type, payload }: SeenRequest): string {
  const [first = 0] = payload;
  if (type === 20) {
    const protocol = payload.length > 56 ? 'mptcp' : 'tcp';
    return `sock-diag-${protocol}${first === 10 ? 6 : 4}`;
  }
  if (type === 18 && payload.length >= 60) return `sock-diag-${payload.length > 60 ? 'mptcp' : 'tcp'}-both`;
  if (type === 18) return 'rtnl-getlink';
  if (type === 22) return 'rtnl-getaddr';
  if (type === 16) return 'genl-getfamily-mptcp_pm';
  return first === 3 ? 'mptcp_pm-get-addr' : 'mptcp_pm-get-limits';
}

/** The messages of a capture; of both families at once as the kernel answers them, under the type of the request. */
export function captured(end: End, name: string): Uint8Array[] {
  if (!name.endsWith('-both')) return messagesOf(capture(end, name));
  const [ipv4, ipv6] = [4, 6].map((family) => messagesOf(capture(end, name.replace('-both', String(family)))));
  return [...(ipv4 ?? []).slice(0, -1), ...(ipv6 ?? [])].map((one) => {
    if (one[4] === 20) one[4] = 18;
    return one;
  });
}

/** A kernel in the state of the captured scene, which answers one message per read. */
export function sceneKernel(end: End): FakeKernel {
  return new FakeKernel((request) => captured(end, captureName(request)));
}
