import { ExporterError } from '../errors.ts';
import { type DatagramBatch, datagramBatch } from './datagram-batch.ts';
import { errnoError, type Wording } from './errno.ts';
import { type Koffi, messageHeaderType, type PollEvents, partType } from './koffi.ts';

const SANDBOX = 'Allow that family in the sandbox (systemd: RestrictAddressFamilies; containers: the seccomp profile).';

/** The same on every Linux platform that Node.js runs on. */
const EAGAIN = 11;
const MSG_ERRQUEUE = 0x2000;

/** An entry of the error queue takes 48 or 60 bytes. */
const MAX_CONTROL_BYTES = 256;

/** Waits for a descriptor in the event loop's own epoll: no thread, and no CPU time while nothing happens. */
export interface Watch {
  /** Has the listener called once more, soon if the descriptor is ready already; nothing while it is waited for. */
  arm(): void;
  /** Ends it; to be done before the descriptor is closed. */
  close(): void;
}

/** The libc calls that Node.js lacks, and the waiting that it does not offer; the rest goes through node:fs and node:net. */
export interface Libc {
  /** socket(2): a new descriptor, which the caller closes. Throws by errno ({@link errnoError}). */
  socket(domain: number, type: number, protocol: number): number;
  /** bind(2) with the bytes of a `struct sockaddr`. Throws by errno, in the words given or its own. */
  bind(descriptor: number, address: Uint8Array, wording?: Wording): void;
  /** connect(2) of a non-blocking socket with the bytes of a `struct sockaddr`: 0 or the errno, as a rule EINPROGRESS. */
  connect(descriptor: number, address: Uint8Array): number;
  /** setsockopt(2) with an `int` or with bytes. Throws by errno, in the words given or its own. */
  setsockopt(descriptor: number, level: number, option: number, value: number | Uint8Array, wording?: Wording): void;
  /** getsockopt(2) of an `int`. Throws by errno. */
  getsockopt(descriptor: number, level: number, option: number): number;
  /** Control messages (cmsg(3)) of the oldest entry of a non-blocking socket's error queue, undefined when it is empty. */
  takeQueuedError(descriptor: number): Uint8Array | undefined;
  /**
   * Calls `onReady` once when the socket can be read (or written) or has an error to fetch; again after {@link Watch.arm}.
   * Does not keep the process alive. For sockets only: on a file, which cannot be waited for, koffi 3.3 brings the process
   * down.
   */
  watch(descriptor: number, onReady: () => void, until?: 'readable' | 'writable'): Watch;
  /** Room for `slots` datagrams of up to `slotBytes` each. One call at a time, and none may outlive its descriptor. */
  datagramBatch(slots: number, slotBytes: number): DatagramBatch;
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

/** glibc's malloc.h; what is freed up to here is kept for the next look instead of being given back to the kernel. */
const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;
const KEPT_BYTES = 8 * 1024 * 1024;

/**
 * A look and a scrape allocate the same again and again. Memory fresh from the kernel costs a page fault for every 4 KiB,
 * in virtual machines tens of microseconds each, which was half of a scrape.
 */
function keepFreedMemory(program: ReturnType<Koffi['load']>): void {
  try {
    const mallopt = program.func('int mallopt(int parameter, int value)');
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
  } catch {
    // musl has no such function, nor such a habit.
  }
}

function bindLibc(koffi: Koffi): Libc {
  const program = koffi.load(null); // the symbols of this process: glibc and musl name their libraries differently
  keepFreedMemory(program);
  const socket = program.func('int socket(int domain, int type, int protocol)');
  const bind = program.func('int bind(int descriptor, const void *address, uint32_t length)');
  const setsockopt = program.func(
    'int setsockopt(int descriptor, int level, int option, const void *value, uint32_t length)',
  );
  const connect = program.func('int connect(int descriptor, const void *address, uint32_t length)');
  const getsockopt = program.func(
    'int getsockopt(int descriptor, int level, int option, _Out_ int *value, _Inout_ uint32_t *length)',
  );
  const header = messageHeaderType(koffi, koffi.pointer(partType(koffi)));
  const recvmsg = program.func('recvmsg', 'long', ['int', koffi.inout(koffi.pointer(header)), 'int']);
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
    bind: (descriptor, address, wording = { doing: 'bind a socket' }) => {
      checked(bind(descriptor, address, address.length), wording);
    },
    connect: (descriptor, address) => (connect(descriptor, address, address.length) === 0 ? 0 : koffi.errno()),
    setsockopt: (descriptor, level, option, value, wording) => {
      const bytes = typeof value === 'number' ? Int32Array.of(value) : value;
      checked(
        setsockopt(descriptor, level, option, bytes, bytes.byteLength),
        wording ?? { doing: `set socket option ${option} of level ${level}` },
      );
    },
    getsockopt: (descriptor, level, option) => {
      const value = new Int32Array(1);
      const length = Uint32Array.of(value.byteLength);
      checked(getsockopt(descriptor, level, option, value, length), {
        doing: `get socket option ${option} of level ${level}`,
      });
      return value[0] ?? 0;
    },
    takeQueuedError: (descriptor) => {
      const control = new Uint8Array(MAX_CONTROL_BYTES);
      const header = messageWith(control);
      const returned = recvmsg(descriptor, header, MSG_ERRQUEUE);
      if (typeof returned === 'number' && returned < 0 && koffi.errno() === EAGAIN) return undefined;
      checked(returned, { doing: "read a socket's error queue" });
      return control.subarray(0, header.controlBytes);
    },
    watch: (descriptor, onReady, until = 'readable') => watch(koffi, descriptor, { [until]: true }, onReady),
    datagramBatch: (slots, slotBytes) => datagramBatch(koffi, recvmmsg, slots, slotBytes),
  };
}

/** Room for an entry of the error queue but for the packet that it quotes; koffi replaces the members by what it reads back. */
function messageWith(control: Uint8Array) {
  const parts = { base: new Uint8Array(1), bytes: 1 };
  return { name: null, nameBytes: 0, parts, partCount: 1, control, controlBytes: control.length, flags: 0 };
}

/** One shot at a time, because libuv ends the waiting by itself when the descriptor has an error (POLLERR). */
function watch(koffi: Koffi, descriptor: number, events: PollEvents, onReady: () => void): Watch {
  let state: 'armed' | 'fired' | 'closed' = 'armed';
  const fire = (): void => {
    handle.stop();
    state = 'fired';
    // koffi calls from outside of Node's own callbacks, where promises and ticks would be left waiting.
    setImmediate(() => {
      if (state === 'fired') onReady();
    });
  };
  const handle = koffi.node.poll(descriptor, events, fire);
  handle.unref();
  return {
    arm: () => {
      if (state !== 'fired') return;
      state = 'armed';
      handle.start(events, fire);
    },
    close: () => {
      if (state !== 'closed') handle.close();
      state = 'closed';
    },
  };
}
