import type { Socket } from 'node:net';
import { type AskCarried, descriptorOf } from './own-socket.ts';
import type { ConnectionCount, Settings } from './protocol.ts';
import { sizeOf } from './sizes.ts';

const CHUNK = Buffer.alloc(64 * 1024);
const TICK_MS = 10;
const MAX_BURST_SECONDS = 0.1;
/** How long received data lies unread before a connection is abandoned. */
const UNREAD_MS = 100;

/** What a flow tells its program. */
export interface FlowEvents {
  /** All bytes it shall move have been handed to the kernel and received; never so when they are not limited. */
  readonly onComplete: () => void;
  readonly onProgress: () => void;
  readonly onClosed: (error: Error | undefined) => void;
}

/** One connection: sends what it shall, counts what moves, closes when it is its turn. */
export class Flow {
  #sent = 0;
  #queued = 0;
  #received = 0;
  #carried: number | undefined;
  #complete = false;
  #stopped = false;
  #error: Error | undefined;
  readonly #openedAt = performance.now();
  readonly #local: string;
  readonly #remote: string;
  readonly #socket: Socket;
  readonly #settings: Settings;
  readonly #bytes: number | undefined;
  readonly #events: FlowEvents;

  constructor(socket: Socket, settings: Settings, events: FlowEvents, askCarried: AskCarried) {
    this.#socket = socket;
    this.#settings = settings;
    this.#events = events;
    const clientPort = settings.connect === undefined ? socket.remotePort : socket.localPort;
    this.#bytes = typeof settings.bytes === 'object' ? sizeOf(settings.bytes, clientPort ?? 0) : settings.bytes;
    this.#local = endpoint(socket.localAddress, socket.localPort);
    this.#remote = endpoint(socket.remoteAddress, socket.remotePort);
    socket.on('data', (data) => {
      this.#received += data.length;
      this.#moved();
    });
    socket.on('end', () => {
      const descriptor = descriptorOf(socket);
      if (descriptor !== undefined) this.#carried = askCarried(descriptor);
    });
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('close', () => {
      this.#stopped = true;
      events.onClosed(this.#error);
    });
  }

  /** Begins to send, if it shall. */
  start(): void {
    if (this.#settings.sends && this.#settings.bytesPerSecond !== undefined) this.#pace(this.#settings.bytesPerSecond);
    else if (this.#settings.sends) this.#pump();
    this.#moved();
  }

  get count(): ConnectionCount {
    const seconds = (performance.now() - this.#openedAt) / 1000;
    const counted = { local: this.#local, remote: this.#remote, sent: this.#sent, received: this.#received, seconds };
    return this.#carried === undefined ? counted : { ...counted, carried: this.#carried };
  }

  /** Stopped, and what was queued before is with the kernel. */
  get stopped(): boolean {
    return this.#stopped && this.#sent === this.#queued;
  }

  stop(): void {
    this.#stopped = true;
  }

  close(): void {
    this.#socket.end();
  }

  /** Closes with a reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Closes with received data unread. */
  abandon(): void {
    this.#socket.pause();
    setTimeout(() => this.#socket.destroy(), UNREAD_MS);
  }

  #moved(): void {
    if (!this.#complete && this.#isComplete()) {
      this.#complete = true;
      this.#events.onComplete();
      if (this.#settings.closesWhenDone) this.#socket.end();
    }
    this.#events.onProgress();
  }

  #isComplete(): boolean {
    const { sends, receives } = this.#settings;
    const all = this.#bytes;
    return all !== undefined && (!sends || this.#sent === all) && (!receives || this.#received === all);
  }

  /** How much may still be queued. */
  get #left(): number {
    return this.#stopped ? 0 : (this.#bytes ?? Number.POSITIVE_INFINITY) - this.#queued;
  }

  #pump(): void {
    while (this.#left > 0) {
      if (!this.#write(Math.min(this.#left, CHUNK.length))) {
        this.#socket.once('drain', () => this.#pump());
        return;
      }
    }
  }

  #pace(bytesPerSecond: number): void {
    let allowed = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      allowed = Math.min(allowed + (bytesPerSecond * (now - last)) / 1000, bytesPerSecond * MAX_BURST_SECONDS);
      last = now;
      while (allowed >= 1 && this.#left > 0 && !this.#socket.writableNeedDrain) {
        const bytes = Math.min(Math.floor(allowed), this.#left, CHUNK.length);
        allowed -= bytes;
        this.#write(bytes);
      }
      if (this.#left === 0) clearInterval(timer);
    }, TICK_MS);
  }

  #write(bytes: number): boolean {
    this.#queued += bytes;
    return this.#socket.write(bytes === CHUNK.length ? CHUNK : CHUNK.subarray(0, bytes), (error) => {
      if (error) return;
      this.#sent += bytes;
      this.#moved();
    });
  }
}

const endpoint = (address: string | undefined, port: number | undefined): string =>
  address?.includes(':') === true ? `[${address}]:${port}` : `${address}:${port}`;
