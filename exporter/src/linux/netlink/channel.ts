import { asExporterError, type ErrorCode } from '../../errors.ts';
import type { Part, SourceEvent } from '../../mptcp/model.ts';
import { errnoError, errnoOf } from '../errno.ts';
import type { Receiver } from './transport.ts';
import { Messages, NLMSG } from './wire.ts';

/** These numbers are the same on every Linux platform that Node.js runs on. */
const EINTR = 4;
const EAGAIN = 11;
const ENOBUFS = 105;

/** Most datagrams of one turn; a notification is one, of 100 to 400 bytes. */
const MAX_DATAGRAMS = 64;
/** A link message with all its virtual functions is the longest. */
const BUFFER_BYTES = 64 * 1024;
/** How long a dead descriptor is left alone before it is opened anew, doubling up to the most. */
const FIRST_RETRY_MILLISECONDS = 100;
const LAST_RETRY_MILLISECONDS = 30_000;

/** What a {@link Channel} listens to and where it tells what goes wrong. */
export interface ChannelOptions {
  /** What to look at anew when messages were lost. */
  readonly part: Part;
  /** What is done, for errors: completes "cannot …". */
  readonly doing: string;
  /** Opens a fresh descriptor in its groups; called again when one has died. */
  readonly connect: (onReadable: () => void) => Receiver | Promise<Receiver>;
  /** What a message tells; undefined for nothing. The same object twice in a row is told once. Throws `truncated` or `malformed`. */
  readonly decode: (type: number, view: DataView, start: number, end: number) => SourceEvent | undefined;
  /** Called for each message skipped, each overrun, each signal, and each failure of the descriptor. */
  readonly onIncident: (code: ErrorCode) => void;
}

/** One multicast descriptor: reads a bounded stretch at a time, survives overruns, and heals when the descriptor dies. */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #bytes = new Uint8Array(BUFFER_BYTES);
  #onReadable: () => void = () => undefined;
  #receiver: Receiver | undefined;
  #events: SourceEvent[] = [];
  #drained = true;
  #retry: NodeJS.Timeout | undefined;
  #retryMilliseconds = FIRST_RETRY_MILLISECONDS;
  #closed = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  /** Listening at this moment. */
  get open(): boolean {
    return this.#receiver !== undefined;
  }

  /** Nothing was left to read at the end of the last stretch. */
  get drained(): boolean {
    return this.#drained;
  }

  /**
   * Begins to listen; `onReadable` is called once when there is something to read, again after each {@link arm}, and when
   * the descriptor has been opened anew. Throws {@link ExporterError}, and then is not tried again.
   */
  async listen(onReadable: () => void): Promise<void> {
    this.#onReadable = onReadable;
    const receiver = await this.#options.connect(onReadable);
    if (this.#closed) receiver.close();
    else this.#receiver = receiver;
  }

  /** Reads on, until nothing is left, `deadline` (of performance.now) has passed, or 64 datagrams; not before {@link take}. */
  read(deadline: number): void {
    if (this.#events.length > 0) return;
    this.#drained = false;
    for (let reads = 0; reads < MAX_DATAGRAMS && !this.#drained; reads += 1) {
      if (reads > 0 && performance.now() >= deadline) return;
      this.#readOne();
    }
  }

  /** What has been read since the last time, in its order. */
  take(): readonly SourceEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Waits for more. */
  arm(): void {
    this.#receiver?.arm();
  }

  /** Gives back the descriptor. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#disconnect();
  }

  #readOne(): void {
    try {
      const size = this.#receiver?.read(this.#bytes);
      if (size === undefined) this.#drained = true;
      // A copy, since records keep their bytes and the buffer is used again.
      else this.#decode(new DataView(this.#bytes.buffer.slice(0, size)));
    } catch (caught) {
      const errno = errnoOf(caught);
      if (errno === EAGAIN) this.#rest();
      else if (errno === EINTR) this.#options.onIncident('interrupted');
      else if (errno === ENOBUFS) this.#overrun();
      else this.#die(errno === undefined ? caught : errnoError(errno, this.#options, { cause: caught }));
    }
  }

  #rest(): void {
    this.#drained = true;
    this.#retryMilliseconds = FIRST_RETRY_MILLISECONDS;
  }

  /** A damaged message is skipped; after a damaged header there is no telling where the next one starts. */
  #decode(view: DataView): void {
    const messages = new Messages(view);
    try {
      while (messages.next()) this.#decodeOne(view, messages);
    } catch (caught) {
      this.#options.onIncident(asExporterError(caught).code);
    }
  }

  #decodeOne(view: DataView, { type, start, end }: Messages): void {
    try {
      if (type === NLMSG.overrun) this.#overrun();
      const event = this.#options.decode(type, view, start, end);
      if (event !== undefined && event !== this.#events.at(-1)) this.#events.push(event);
    } catch (caught) {
      this.#options.onIncident(asExporterError(caught).code);
    }
  }

  #overrun(): void {
    this.#options.onIncident('overrun');
    this.#tellOfLoss();
  }

  #tellOfLoss(): void {
    this.#events.push({ kind: 'overrun', part: this.#options.part });
  }

  /** What comes until the descriptor is open again is lost, which is told then: so early a look would miss some of it. */
  #die(cause: unknown): void {
    this.#options.onIncident(asExporterError(cause).code);
    this.#drained = true;
    this.#disconnect();
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#closed) return;
    this.#retry = setTimeout(() => void this.#reopen(), this.#retryMilliseconds).unref();
    this.#retryMilliseconds = Math.min(this.#retryMilliseconds * 2, LAST_RETRY_MILLISECONDS);
  }

  async #reopen(): Promise<void> {
    try {
      await this.listen(this.#onReadable);
    } catch (caught) {
      this.#options.onIncident(asExporterError(caught).code);
      this.#retryLater();
      return;
    }
    if (this.#closed) return;
    this.#tellOfLoss();
    this.#onReadable();
  }

  #disconnect(): void {
    this.#receiver?.close();
    this.#receiver = undefined;
  }
}
