/** The part of koffi that is used; its own types ask for less than it takes. */
export interface Koffi {
  load(path: null): {
    func(prototype: string): KoffiFunction;
    func(name: string, result: string, parameters: readonly unknown[]): KoffiFunction;
  };
  /** A type without a name, laid out as this platform's C compiler would: names are taken once per process. */
  struct(members: Readonly<Record<string, unknown>>): unknown;
  array(type: unknown, length: number): unknown;
  pointer(type: unknown): unknown;
  inout(type: unknown): unknown;
  sizeof(type: unknown): number;
  offsetof(type: unknown, member: string): number;
  errno(): number;
  /** Where the bytes of a typed array are; they stay there. */
  address(bytes: Uint8Array): bigint;
  /** Writes a value of that type to the bytes. */
  encode(bytes: Uint8Array, type: unknown, value: unknown): void;
  /** A libuv poll handle, whose methods must not be called after `close`. */
  node: { poll(descriptor: number, events: PollEvents, callback: () => void): PollHandle };
}

/** A function of libc. */
export interface KoffiFunction {
  (...args: unknown[]): unknown;
  /** Calls in a thread of the pool; the callback is last. */
  async(...args: unknown[]): void;
}

/** What a poll handle waits for. */
export interface PollEvents {
  readonly readable?: boolean;
  readonly writable?: boolean;
}

interface PollHandle {
  start(events: PollEvents, callback: () => void): void;
  stop(): void;
  unref(): void;
  close(): void;
}

/** `struct iovec` (recvmsg(2)), on 64 bits as on 32. */
export function partType(koffi: Koffi): unknown {
  return koffi.struct({ base: 'void *', bytes: 'size_t' });
}

/** `struct msghdr` (recvmsg(2)); `parts` says how its iovecs are given. */
export function messageHeaderType(koffi: Koffi, parts: unknown): unknown {
  return koffi.struct({
    name: 'void *',
    nameBytes: 'uint32_t',
    parts,
    partCount: 'size_t',
    control: 'void *',
    controlBytes: 'size_t',
    flags: 'int',
  });
}
