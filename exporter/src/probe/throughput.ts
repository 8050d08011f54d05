import type { ThroughputSettings } from '../config/probes/settings.ts';
import { ROUTES } from '../reflector/protocol/routes.ts';
import { CountedStream } from './counted-stream.ts';
import { receive, send } from './flow.ts';
import { type Arrived, goodput } from './goodput.ts';
import { LoadedRtt } from './loaded-rtt.ts';
import { patience } from './patience.ts';
import { type BulkProbe, failed, type Leg, type LegRun, type Measurement, type ProbeFailure } from './probe.ts';
import { failureOf } from './reasons.ts';
import { answerOf, askReflector, brokenOf } from './reflector-client.ts';
import { FIXED_BYTES, LEAST_PAYLOAD, OVERHEAD, payloadLimit } from './sizes.ts';
import { tokenOf } from './token.ts';

const CONNECT_SECONDS = 5;

/** From the request to the head of its answer. */
const ANSWER_SECONDS = 5;

/** For what is under way when the time is over. */
const FINISH_SECONDS = 2;

/** How fast data goes to or from our reflector, in process: over TCP on the path's interface, or over MPTCP. */
export const throughput: BulkProbe = {
  kind: 'bulk',
  legs: ({ directions }) => directions.map((direction): Leg => ({ direction })),
  cost: (settings) => ({
    leastBytes: LEAST_PAYLOAD * OVERHEAD + FIXED_BYTES,
    mostBytes: ((settings as ThroughputSettings).maximumBytes ?? Number.POSITIVE_INFINITY) * OVERHEAD + FIXED_BYTES,
  }),
  run: async (run) => {
    let stream: CountedStream | undefined;
    let loaded: LoadedRtt | undefined;
    try {
      const token = await tokenOf(run.settings);
      const libc = await run.libc();
      if (payloadLimit(run) < 1) return failed('budget_exhausted', 'the budget leaves nothing to measure with');
      stream = await CountedStream.open(libc, run, Math.min(CONNECT_SECONDS, run.timeoutSeconds));
      if (stream.fellBack) return fellBack();
      loaded = await LoadedRtt.open(libc, run, token);
      const measured = await new Transfer(run, stream, token).measure(() => loaded?.start());
      if ('ok' in measured) return measured;
      if (stream.fellBack) return fellBack();
      await stream.closed(FINISH_SECONDS);
      return { ok: true, value: { ...measured, loadedRttSeconds: (await loaded?.end()) ?? [] } };
    } catch (caught) {
      if (run.signal.aborted) return failed('timeout', 'it was ended before it was done');
      return brokenOf(caught) ?? failureOf(caught);
    } finally {
      stream?.abort();
      await loaded?.end();
    }
  },
};

const fellBack = (): ProbeFailure =>
  failed('fell_back', 'the connection is plain TCP, the target or something on the way refused MPTCP');

/** One leg's data on its connection. */
class Transfer {
  readonly #run: LegRun;
  readonly #stream: CountedStream;
  readonly #token: string;
  readonly #seconds: number;
  /** Payload that the leg may move. */
  readonly #limit: number;

  constructor(run: LegRun, stream: CountedStream, token: string) {
    [this.#run, this.#stream, this.#token] = [run, stream, token];
    this.#seconds = (run.settings as ThroughputSettings).durationSeconds;
    this.#limit = payloadLimit(run);
  }

  /** Moves the data; `onFlow` is called when it begins to. Rejects with what broke it. */
  async measure(onFlow: () => void): Promise<Pick<Measurement, 'bytes' | 'seconds'> | ProbeFailure> {
    const down = this.#run.leg.direction === 'down';
    const arrived = down ? await this.#download(onFlow) : await this.#upload(onFlow);
    if ('ok' in arrived) return arrived;
    return goodput(arrived, this.#seconds) ?? failed('broken', 'it ended before there was anything to measure');
  }

  async #download(onFlow: () => void): Promise<readonly Arrived[] | ProbeFailure> {
    const bytes = Number.isFinite(this.#limit) ? `&bytes=${this.#limit}` : '';
    const target = `${ROUTES.download}?seconds=${this.#seconds}${bytes}`;
    const request = askReflector(this.#stream.socket, { method: 'GET', target, token: this.#token });
    request.end();
    const response = await answerOf(request, this.#patience());
    if ('ok' in response) return response;
    onFlow();
    return receive(response, this.#seconds, this.#run.signal);
  }

  async #upload(onFlow: () => void): Promise<readonly Arrived[] | ProbeFailure> {
    const target = `${ROUTES.upload}?progress`;
    const headers = { 'Content-Type': 'application/octet-stream', 'Transfer-Encoding': 'chunked' };
    const request = askReflector(this.#stream.socket, { method: 'POST', target, token: this.#token, headers });
    request.flushHeaders();
    const response = await answerOf(request, this.#patience());
    if ('ok' in response) return response;
    onFlow();
    return send(request, response, { seconds: this.#seconds, bytes: this.#limit }, this.#run.signal);
  }

  #patience(): AbortSignal {
    return patience(this.#run.signal, ANSWER_SECONDS);
  }
}
