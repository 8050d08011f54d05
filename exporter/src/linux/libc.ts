import { ExporterError } from '../errors.ts';
import { errnoError, type Wording } from './errno.ts';

const MSG_DONTWAIT = 0x40;

const SANDBOX = 'Allow that family in the sandbox (systemd: RestrictAddressFamilies; containers: the seccomp profile).';

/** Waits for a descriptor in the event loop's own epoll: no thread, and no CPU time while nothing happens. */
export interface Watch {
  /** Has the listener called once more, soon if the descriptor is ready already; nothing while it is waited for. */
  arm(): void;
  /** Ends it; to be done before the descriptor is closed. */
  close(): void;
}

/** Room for datagrams that are received together in a thread of libuv's pool, while the event loop does something else. */
export interface DatagramBatch {
  /** Receives those that wait, at most as many as fit, and gives their number (recvmmsg(2)). Rejects with an `errno` as node:fs does. */
  receive(descriptor: number): Promise<number>;
  /** What the last call received in this slot; as long as the slot when it was cut off. */
  at(slot: number): DataView;
}

/** The libc calls that Node.js lacks, and the waiting that it does not offer; the rest goes through node:fs. */
export interface Libc {
  /** socket(2): a new descriptor, which the caller closes. Throws by errno ({@link errnoError}). */
  socket(domain: number, type: number, protocol: number): number;
  /** bind(2) with the bytes of a `struct sockaddr`. Throws by errno. */
  bind(descriptor: number, address: Uint8Array): void;
  /** setsockopt(2) with an `int` value. Throws by errno. */
  setsockopt(descriptor: number, level: number, option: number, value: number): void;
  /**
   * Calls `onReady` once when the socket can be read or has an error to fetch; again after {@link Watch.arm}. Does not
   * keep the process alive. For sockets only: on a file, which cannot be waited for, koffi 3.3 brings the process down.
   */
  watch(descriptor: number, onReady: () => void): Watch;
  /** Room for `slots` datagrams of up to `slotBytes` each. One call at a time, and none may outlive its descriptor. */
  datagramBatch(slots: number, slotBytes: number): DatagramBatch;
}

/** The part of koffi that is used. */
interface Koffi {
  load(path: null): { func(prototype: string): KoffiFunction };
  errno(): number;
  /** Where the bytes of a typed array are; they stay there. */
  address(bytes: Uint8Array): bigint;
  struct(members: Readonly<Record<string, unknown>>): KoffiType;
  array(type: KoffiType, length: number): KoffiType;
  sizeof(type: KoffiType): number;
  offsetof(type: KoffiType, member: string): number;
  encode(bytes: Uint8Array, type: KoffiType, value: unknown): void;
  /** A libuv poll handle, whose methods must not be called after `close`. */
  node: { poll(descriptor: number, callback: () => void): PollHandle };
}

interface KoffiFunction {
  (...args: unknown[]): unknown;
  /** Calls in a thread of the pool; the callback is last. */
  async(...args: unknown[]): void;
}

/** A type that koffi has laid out as this platform's C compiler would. */
interface KoffiType {
  readonly name: string;
}

interface PollHandle {
  start(callback: () => void): void;
  stop(): void;
  unref(): void;
  close(): void;
}

/**
 * Binds libc through koffi. Throws `ffi_unavailable` where koffi has no binary for this platform or it does not load;
 * `importKoffi` exists for tests of that.
 */
export async function loadLibc(
  importKoffi: () => Promise<{ default: Koffi }> = () => import('koffi') as Promise<{ default: Koffi }>,
): Promise<Libc> {
  try {
    return bindLibc((await importKoffi()).default);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
    throw new ExporterError('ffi_unavailable', `cannot load koffi on this platform: ${reason}`, {
      remedy: 'Use --source=ss.',
      cause,
    });
  }
}

function bindLibc(koffi: Koffi): Libc {
  const program = koffi.load(null); // the symbols of this process: glibc and musl name their libraries differently
  const socket = program.func('int socket(int domain, int type, int protocol)');
  const bind = program.func('int bind(int descriptor, const void *address, uint32_t length)');
  const setsockopt = program.func(
    'int setsockopt(int descriptor, int level, int option, const void *value, uint32_t length)',
  );
  const recvmmsg = program.func(
    'int recvmmsg(int descriptor, void *messages, unsigned int slots, int flags, void *timeout)',
  );
  const checked = (returned: unknown, wording: Wording): number => {
    if (typeof returned !== 'number' || returned < 0) throw errnoError(koffi.errno(), wording);
    return returned;
  };
  return {
    socket: (domain, type, protocol) =>
      checked(socket(domain, type, protocol), {
        doing: `open a socket of address family ${domain}`,
        remedies: { permission_denied: SANDBOX, not_supported: SANDBOX },
      }),
    bind: (descriptor, address) => {
      checked(bind(descriptor, address, address.length), { doing: 'bind a socket' });
    },
    setsockopt: (descriptor, level, option, value) => {
      checked(setsockopt(descriptor, level, option, Int32Array.of(value), 4), {
        doing: `set socket option ${option} of level ${level}`,
      });
    },
    watch: (descriptor, onReady) => watch(koffi, descriptor, onReady),
    datagramBatch: (slots, slotBytes) => {
      const { bytes, headers, sizeAt, kept } = layOut(koffi, slots, slotBytes);
      return {
        receive: (descriptor) =>
          new Promise((resolve, reject) => {
            recvmmsg.async(descriptor, headers, slots, MSG_DONTWAIT, null, (error: unknown, received: unknown) => {
              // The kernel has written to this memory by its address alone: it must not have been collected till now.
              if (error || kept.length === 0) reject(error);
              else if (typeof received === 'number' && received >= 0) resolve(received);
              else reject(Object.assign(new Error('recvmmsg failed'), { errno: -koffi.errno() }));
            });
          }),
        at: (slot) => new DataView(bytes.buffer, slot * slotBytes, Math.min(sizeAt(slot), slotBytes)),
      };
    },
  };
}

/** The memory of a batch: a `struct mmsghdr` for each slot (recvmmsg(2)), which points to an iovec, which points to the slot. */
function layOut(koffi: Koffi, slots: number, slotBytes: number) {
  const Vector = koffi.struct({ base: 'void *', length: 'size_t' });
  const Message = koffi.struct({
    name: 'void *',
    nameLength: 'uint32_t',
    vectors: 'void *',
    vectorCount: 'size_t',
    control: 'void *',
    controlLength: 'size_t',
    flags: 'int',
  });
  const Header = koffi.struct({ message: Message, size: 'uint32_t' });
  const bytes = new Uint8Array(slots * slotBytes);
  const fill = (type: KoffiType, contentOf: (slot: number) => object): Uint8Array => {
    const memory = new Uint8Array(slots * koffi.sizeof(type));
    koffi.encode(
      memory,
      koffi.array(type, slots),
      Array.from({ length: slots }, (_, slot) => contentOf(slot)),
    );
    return memory;
  };
  const pointer = (memory: Uint8Array, offset: number): bigint => koffi.address(memory) + BigInt(offset);
  const vectors = fill(Vector, (slot) => ({ base: pointer(bytes, slot * slotBytes), length: slotBytes }));
  const none = { name: null, nameLength: 0, control: null, controlLength: 0, flags: 0 };
  const headers = fill(Header, (slot) => {
    const vector = pointer(vectors, slot * koffi.sizeof(Vector));
    return { message: { ...none, vectors: vector, vectorCount: 1 }, size: 0 };
  });
  const view = new DataView(headers.buffer);
  const sizeAt = (slot: number): number =>
    view.getUint32(slot * koffi.sizeof(Header) + koffi.offsetof(Header, 'size'), true);
  return { bytes, headers, sizeAt, kept: [bytes, vectors, headers] };
}

/** One shot at a time, because libuv ends the waiting by itself when the descriptor has an error (POLLERR). */
function watch(koffi: Koffi, descriptor: number, onReady: () => void): Watch {
  let state: 'armed' | 'fired' | 'closed' = 'armed';
  const fire = (): void => {
    handle.stop();
    state = 'fired';
    // koffi calls from outside of Node's own callbacks, where promises and ticks would be left waiting.
    setImmediate(() => {
      if (state === 'fired') onReady();
    });
  };
  const handle = koffi.node.poll(descriptor, fire);
  handle.unref();
  return {
    arm: () => {
      if (state !== 'fired') return;
      state = 'armed';
      handle.start(fire);
    },
    close: () => {
      if (state !== 'closed') handle.close();
      state = 'closed';
    },
  };
}
