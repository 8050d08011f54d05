import { ExporterError } from '../errors.ts';
import { errnoError, type Wording } from './errno.ts';

const SANDBOX = 'Allow that family in the sandbox (systemd: RestrictAddressFamilies; containers: the seccomp profile).';

/** Waits for a descriptor in the event loop's own epoll: no thread, and no CPU time while nothing happens. */
export interface Watch {
  /** Has the listener called once more, soon if the descriptor is ready already; nothing while it is waited for. */
  arm(): void;
  /** Ends it; to be done before the descriptor is closed. */
  close(): void;
}

/** The three libc calls that Node.js lacks, and the waiting that it does not offer; the rest goes through node:fs. */
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
}

/** The part of koffi that is used. */
interface Koffi {
  load(path: null): { func(prototype: string): (...args: unknown[]) => unknown };
  errno(): number;
  /** A libuv poll handle, whose methods must not be called after `close`. */
  node: { poll(descriptor: number, callback: () => void): PollHandle };
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
  };
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
