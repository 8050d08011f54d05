import { once } from 'node:events';
import type { Socket } from 'node:net';
import { abortConnection } from '../linux/abort-stream.ts';
import type { Libc } from '../linux/libc.ts';
import { isMptcp, ownTraffic } from '../linux/own-traffic.ts';
import { limitUnsent } from '../linux/stream-listener.ts';
import { connectStream } from '../linux/stream-socket.ts';
import { patience } from './patience.ts';
import type { LegRun } from './probe.ts';

/** How often what moved is told to the meter, in milliseconds: so much later a used up budget ends a run. */
const COUNT_MS = 50;

/** What may wait unsent, in bytes: what is ended then ends soon, also over a slow link. */
const UNSENT_BYTES = 128 * 1024;

/** A connection of a leg to its target, whose bytes are told to the leg's meter, by path. */
export class CountedStream {
  readonly socket: Socket;
  readonly #descriptor: number;
  readonly #libc: Libc;
  readonly #run: LegRun;
  readonly #local: { readonly address: string; readonly port: number };
  readonly #timer: NodeJS.Timeout;
  /** What was told already, by subflow. */
  readonly #told = new Map<string, { sent: number; received: number }>();
  #open = true;

  private constructor(libc: Libc, run: LegRun, { socket, descriptor }: { socket: Socket; descriptor: number }) {
    [this.#libc, this.#run, this.socket, this.#descriptor] = [libc, run, socket, descriptor];
    this.#local = { address: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    this.#timer = setInterval(() => this.count(), COUNT_MS);
    this.#timer.unref();
    socket.setNoDelay(true);
    socket.on('error', () => undefined); // whoever reads or writes hears of it
    socket.once('close', () => this.#closed());
  }

  /** Connects over the leg's path alone by TCP, or by MPTCP over all. Throws an ExporterError, as `connectStream` does. */
  static async open(libc: Libc, run: LegRun, timeoutSeconds: number): Promise<CountedStream> {
    const { interfaceName, localAddress, address, settings, signal } = run;
    const protocol = interfaceName === undefined ? 'mptcp' : 'tcp';
    const remote = { address, port: settings.target.port ?? 0 };
    const target = { protocol, interfaceName, localAddress, remote } as const;
    const prepare = (descriptor: number): void => limitUnsent(libc, descriptor, UNSENT_BYTES);
    return new CountedStream(libc, run, await connectStream(libc, target, { timeoutSeconds, signal }, prepare));
  }

  /** Whether it was to be MPTCP and is none, as far as the kernel tells. */
  get fellBack(): boolean {
    return this.#run.interfaceName === undefined && this.#open && isMptcp(this.#libc, this.#descriptor) === false;
  }

  /** Tells the meter what has moved since the last time. */
  count(): void {
    // The descriptor is another's once the socket has closed it.
    if (!this.#open || this.socket.destroyed) return;
    for (const moved of ownTraffic(this.#libc, this.#descriptor, this.#local)) {
      const key = `${moved.localAddress} ${moved.localPort}`;
      const told = this.#told.get(key) ?? { sent: 0, received: 0 };
      const { meter, pathOf, interfaceName } = this.#run;
      const path = interfaceName === undefined ? pathOf(moved.localAddress) : undefined;
      if (moved.sentBytes > told.sent) meter.sent(moved.sentBytes - told.sent, path);
      if (moved.receivedBytes > told.received) meter.received(moved.receivedBytes - told.received, path);
      const most = {
        sent: Math.max(told.sent, moved.sentBytes),
        received: Math.max(told.received, moved.receivedBytes),
      };
      this.#told.set(key, most);
    }
  }

  /** Waits until it has closed, for at most so long, and then ends it. */
  async closed(graceSeconds: number): Promise<void> {
    if (!this.socket.destroyed) {
      await once(this.socket, 'close', { signal: patience(this.#run.signal, graceSeconds) }).catch(() => undefined);
    }
    this.abort();
  }

  /** Ends it at once: nothing more is sent. */
  abort(): void {
    if (!this.#open || this.socket.destroyed) return;
    this.count();
    abortConnection(this.#libc, this.#descriptor);
    this.socket.destroy();
    this.#closed();
  }

  #closed(): void {
    this.#open = false;
    clearInterval(this.#timer);
  }
}
