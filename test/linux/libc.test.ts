import { closeSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { loadLibc } from '../../exporter/src/linux/libc.ts';
import { encodeRequest } from '../../exporter/src/linux/netlink/wire.ts';

const AF_INET = 2;
const AF_NETLINK = 16;
const SOCK_RAW_NONBLOCK = 0o4003;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const SO_LINGER = 13;

describe('libc', () => {
  it('opens, sets up and binds a real socket', async () => {
    const libc = await loadLibc();
    const descriptor = libc.socket(AF_INET, SOCK_STREAM, 0);
    try {
      expect(descriptor).toBeGreaterThan(2);
      libc.setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
      libc.bind(descriptor, Uint8Array.from([AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
    } finally {
      closeSync(descriptor);
    }
  });

  it('tells by errno what the kernel refused', async () => {
    const libc = await loadLibc();
    expect(() => libc.socket(4242, SOCK_STREAM, 0)).toThrow(
      expect.objectContaining({
        code: 'not_supported',
        message: 'cannot open a socket of address family 4242: EAFNOSUPPORT',
        remedy: expect.stringContaining('sandbox'),
      }),
    );
    expect(() => libc.bind(-1, new Uint8Array(12))).toThrow(/cannot bind a socket: EBADF/);
    expect(() => libc.setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, 1)).toThrow(/socket option 2 of level 1: EBADF/);
  });

  it('receives several datagrams together in another thread, and tells how long each is', async () => {
    const libc = await loadLibc();
    const descriptor = libc.socket(AF_NETLINK, SOCK_RAW_NONBLOCK, 0);
    try {
      const batch = libc.datagramBatch(4, 32_768);
      await expect(batch.receive(descriptor)).rejects.toMatchObject({ errno: -constants.errno.EAGAIN });
      writeSync(descriptor, encodeRequest({ type: 18, payload: new Uint8Array(16), answer: 16 }, 0x300, 77));
      const received = await batch.receive(descriptor);
      expect(received).toBeGreaterThan(0);
      const sequences = Array.from({ length: received }, (_, slot) => batch.at(slot).getUint32(8, true));
      expect(sequences).toEqual(sequences.map(() => 77));
      for (let slot = 0; slot < received; slot += 1) {
        expect(batch.at(slot).byteLength).toBeGreaterThanOrEqual(batch.at(slot).getUint32(0, true));
      }
    } finally {
      closeSync(descriptor);
    }
    await expect(libc.datagramBatch(1, 64).receive(-1)).rejects.toMatchObject({ errno: -constants.errno.EBADF });
  });

  it('shows a datagram that was cut off as long as its slot', async () => {
    const libc = await loadLibc();
    const descriptor = libc.socket(AF_NETLINK, SOCK_RAW_NONBLOCK, 0);
    try {
      writeSync(descriptor, encodeRequest({ type: 18, payload: new Uint8Array(16), answer: 16 }, 0x300, 1));
      const batch = libc.datagramBatch(1, 64);
      expect(await batch.receive(descriptor)).toBe(1);
      expect(batch.at(0).byteLength).toBe(64);
    } finally {
      closeSync(descriptor);
    }
  });

  it('waits for a descriptor without a thread, tells once, and again only when armed', async () => {
    const libc = await loadLibc();
    const descriptor = libc.socket(AF_NETLINK, SOCK_RAW_NONBLOCK, 0);
    const ask = () =>
      writeSync(descriptor, encodeRequest({ type: 18, payload: new Uint8Array(16), answer: 16 }, 0x300, 1));
    const readAll = () => {
      for (let size = 1; size > 0; ) {
        try {
          size = readSync(descriptor, new Uint8Array(65_536));
        } catch {
          size = 0;
        }
      }
    };
    let told = 0;
    const watch = libc.watch(descriptor, () => {
      told += 1;
    });
    try {
      await sleep(20);
      expect(told).toBe(0);
      ask();
      await expect.poll(() => told).toBe(1);
      await sleep(20);
      expect(told).toBe(1);
      watch.arm(); // what has not been read is still there
      watch.arm();
      await expect.poll(() => told).toBe(2);
      readAll();
      watch.arm();
      await sleep(20);
      expect(told).toBe(2);
      ask();
      await expect.poll(() => told).toBe(3);
    } finally {
      watch.close();
      watch.close();
      watch.arm();
      closeSync(descriptor);
    }
  });

  it('connects, waits until the socket can be written, and reads options, errors and what the error queue holds', async () => {
    const libc = await loadLibc();
    const descriptor = libc.socket(AF_INET, SOCK_STREAM | 0o4000, 0);
    const toClosedPort = Uint8Array.from([AF_INET, 0, 0, 1, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    try {
      libc.setsockopt(descriptor, SOL_SOCKET, SO_LINGER, new Uint8Array(Int32Array.of(1, 7).buffer));
      libc.setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
      expect(libc.getsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR)).toBe(1);
      expect(libc.connect(descriptor, toClosedPort)).toBe(constants.errno.EINPROGRESS);
      await new Promise<void>((resolve) => {
        const watch = libc.watch(
          descriptor,
          () => {
            watch.close();
            resolve();
          },
          'writable',
        );
      });
      expect(libc.getsockopt(descriptor, SOL_SOCKET, SO_ERROR)).toBe(constants.errno.ECONNREFUSED);
      expect(libc.takeQueuedError(descriptor)).toBeUndefined(); // a reset is no ICMP message
    } finally {
      closeSync(descriptor);
    }
    expect(libc.connect(-1, toClosedPort)).toBe(constants.errno.EBADF);
    expect(() => libc.getsockopt(-1, SOL_SOCKET, SO_ERROR)).toThrow(/cannot get socket option 4 of level 1: EBADF/);
    expect(() => libc.takeQueuedError(-1)).toThrow(/cannot read a socket's error queue: EBADF/);
    expect(() => libc.bind(-1, toClosedPort, { doing: 'listen' })).toThrow(/^cannot listen: EBADF$/);
  });

  it('where koffi does not load says which source does without', async () => {
    const failing = () => Promise.reject(new Error('Cannot find the native module\nfor this platform'));
    await expect(loadLibc(failing)).rejects.toMatchObject({
      code: 'ffi_unavailable',
      line: 'cannot load koffi on this platform: Cannot find the native module. Use --source=ss.',
    });
  });
});
