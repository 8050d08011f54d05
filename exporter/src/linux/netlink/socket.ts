import { asExporterError, type ErrorCode, ExporterError } from '../../errors.ts';
import { errnoError, errnoOf, type Wording } from '../errno.ts';
import { Budget, type Limits } from './budget.ts';
import { type Attempt, BUFFER_BYTES, datagrams, type Loss } from './datagrams.ts';
import { RowCollector } from './row-collector.ts';
import type { Transport } from './transport.ts';
import { encodeRequest, Messages, type NetlinkRequest, NLM_F, NLMSG, type RowDecoder, verdict } from './wire.ts';

/** These numbers are the same on every Linux platform that Node.js runs on. */
const EINTR = 4;
const EAGAIN = 11;

/** How often a dump is repeated that a changing table, a small buffer or an overrun has spoilt. */
const MAX_REPEATS = 3;
/** How often in a row one call is tried again after a signal. */
const MAX_INTERRUPTIONS = 32;
const MAX_BUFFER_BYTES = 4 * 1024 * 1024;
/** A dump of 10,000 subflows takes about 6 MB and 40 ms. */
const DEFAULT_LIMITS: Limits = { milliseconds: 5_000, bytes: 512 * 1024 * 1024 };

/** How a {@link NetlinkSocket} reaches the kernel and where it tells what it has repaired. */
export interface NetlinkSocketOptions {
  /** Opens a fresh descriptor; called again after a failure, as nothing of the old dump is left in a new socket. */
  readonly connect: () => Transport;
  /** Called for each thing that went wrong and was repaired: a dump repeated, a read resumed, a row skipped. */
  readonly onIncident: (code: ErrorCode) => void;
  readonly limits?: Limits;
}

/** A request, how to decode what answers it, and how to word its failure. */
export interface Query<T> extends NetlinkRequest, Wording {
  readonly decode: RowDecoder<T>;
  /** Has another thread ask, when the kernel is likely to walk a whole table before the call returns. */
  readonly elsewhere?: boolean;
}

/** What spoils a dump so that repeating it may help. */
type Spoilt = 'dump_interrupted' | Loss;

/**
 * A netlink socket for dumps and single requests, one at a time; further ones wait their turn. It never blocks the event
 * loop for long, never hangs, and heals: after a failure the next request gets a fresh descriptor.
 */
export class NetlinkSocket {
  readonly #options: NetlinkSocketOptions;
  #transport: Transport | undefined;
  #closed = false;
  #bytes = new Uint8Array(BUFFER_BYTES);
  /** Starts anywhere, so that a stray answer never fits by chance. */
  #sequence = Math.floor(Math.random() * 0x7fffffff);
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: NetlinkSocketOptions) {
    this.#options = options;
  }

  /** Opens the descriptor unless it is open, to learn early whether it can be. Throws {@link ExporterError} by errno. */
  open(): Transport {
    if (this.#closed) throw new ExporterError('interrupted', 'the netlink socket was closed');
    this.#transport ??= this.#options.connect();
    return this.#transport;
  }

  /** Gives back the descriptor; a request under way fails, as does every later one. */
  close(): void {
    this.#closed = true;
    this.#disconnect();
  }

  /**
   * Asks for a table. A row that does not decode is skipped and reported, unless none decodes. Throws
   * {@link ExporterError}: by errno, `timeout`, `output_too_large`, or what the decoder threw.
   */
  dump<T>(query: Query<T>): Promise<T[]> {
    return this.#inTurn(query, async (budget) => {
      for (let repeats = 0; ; repeats += 1) {
        const rows = new RowCollector(query.decode, this.#options.onIncident);
        const spoilt = await this.#exchange(query, NLM_F.dump, rows, budget);
        if (spoilt === undefined) return rows.finish();
        this.#options.onIncident(spoilt);
        if (repeats < MAX_REPEATS) continue;
        if (spoilt === 'dump_interrupted') return rows.finish(); // each row is true, and a busy table never holds still
        throw new ExporterError(spoilt, `cannot ${query.doing}: ${MAX_REPEATS} repetitions did not help`);
      }
    });
  }

  /** Asks for one thing. Throws as `dump` does, and `malformed` when the answer is empty. */
  request<T>(query: Query<T>): Promise<T> {
    return this.#inTurn(query, async (budget) => {
      const rows = new RowCollector(query.decode, this.#options.onIncident);
      const spoilt = await this.#exchange(query, 0, rows, budget);
      if (spoilt !== undefined) throw new ExporterError(spoilt, `cannot ${query.doing}: the answer was lost`);
      const [answer] = rows.finish();
      if (answer === undefined) throw new ExporterError('malformed', `cannot ${query.doing}: the answer is empty`);
      return answer;
    });
  }

  /** Runs `work` after everything asked for before it; when it fails, nothing of it can leak into the next. */
  #inTurn<T>({ doing }: Wording, work: (budget: Budget) => Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => {
      try {
        return await work(new Budget(this.#options.limits ?? DEFAULT_LIMITS, doing));
      } catch (error) {
        this.#disconnect();
        throw asExporterError(error);
      }
    });
    this.#turn = turn.catch(() => undefined); // its own caller is told; the next in line need not know
    return turn;
  }

  /** Sends the request and feeds the answer to `rows`, to its end; tells what spoilt it, if anything did. */
  async #exchange<T>(
    query: Query<T>,
    flags: number,
    rows: RowCollector<T>,
    budget: Budget,
  ): Promise<Spoilt | undefined> {
    const sequence = await this.#send(query, flags, budget);
    let port: number | undefined;
    let interrupted = false;
    const attempt: Attempt = (call) => this.#call(query, budget, call);
    for await (const view of datagrams(this.open(), this.#bytes, attempt)) {
      if (view === 'overrun' || view === 'truncated') return this.#abandon(view);
      const messages = new Messages(view);
      while (messages.next()) {
        if (messages.sequence !== sequence) continue;
        port ??= messages.port; // ours, as the kernel has chosen it
        if (messages.port !== port) continue;
        if (messages.flags & NLM_F.dumpInterrupted) interrupted = true;
        if (messages.type === query.answer) {
          rows.add(view, messages.start, messages.end);
          if (flags !== NLM_F.dump) return undefined;
        } else if (messages.type === NLMSG.overrun) {
          return this.#abandon('overrun');
        } else if (messages.type === NLMSG.done || messages.type === NLMSG.error) {
          const { errno, detail } = verdict(view, messages);
          if (errno !== 0) throw errnoError(errno, query, { detail });
          return interrupted ? 'dump_interrupted' : undefined;
        }
      }
      await budget.spend(view.byteLength);
    }
    return undefined; // never: there is no end but a message or an error
  }

  async #send<T>(query: Query<T>, flags: number, budget: Budget): Promise<number> {
    this.#sequence = (this.#sequence + 1) >>> 0;
    const bytes = encodeRequest(query, flags, this.#sequence);
    const elsewhere = query.elsewhere === true;
    await this.#call(query, budget, (transport) =>
      elsewhere && transport.writeElsewhere ? transport.writeElsewhere(bytes) : transport.write(bytes),
    );
    return this.#sequence;
  }

  /** Calls the kernel again after a signal, and after a moment when it has nothing for us yet. */
  async #call<T, R>(query: Query<T>, budget: Budget, call: (transport: Transport) => R | Promise<R>): Promise<R> {
    for (let interruptions = 0; ; ) {
      try {
        return await call(this.open());
      } catch (caught) {
        const errno = errnoOf(caught);
        if (errno === undefined) throw caught;
        if (errno === EAGAIN) {
          await budget.pause();
        } else if (errno === EINTR && interruptions < MAX_INTERRUPTIONS) {
          interruptions += 1;
          this.#options.onIncident('interrupted');
        } else {
          throw errnoError(errno, query, { cause: caught });
        }
      }
    }
  }

  /** Leaves a spoilt dump unread: what the kernel still holds of it goes with the descriptor. */
  #abandon(spoilt: Loss): Loss {
    this.#disconnect();
    if (spoilt === 'truncated') {
      this.#bytes = new Uint8Array(Math.min(this.#bytes.length * 2, MAX_BUFFER_BYTES));
    }
    return spoilt;
  }

  #disconnect(): void {
    this.#transport?.close();
    this.#transport = undefined;
  }
}
