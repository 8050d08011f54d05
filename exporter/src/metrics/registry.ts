import { type Metric, Registry } from 'prom-client';
import { asExporterError, type ExporterError } from '../errors.ts';
import type { Picture } from '../observer/picture.ts';
import { type Collector, isKnown } from './collector.ts';
import { emitterInto, type Family, type Sample } from './family.ts';
import { BUILD_INFO, COLLECTOR_DURATION, COLLECTOR_SUCCESS } from './self.ts';
import { BufferPool, ByteWriter, lineOf, valueText } from './text.ts';

/** What the exposition says of the program itself. */
export interface BuildInfo {
  readonly version: string;
  readonly revision: string;
}

/** The text of one scrape. */
export class Exposition {
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly #giveBack: () => void;

  constructor(contentType: string, bytes: Buffer, giveBack: () => void) {
    this.contentType = contentType;
    this.bytes = bytes;
    this.#giveBack = giveBack;
  }

  /** The bytes as a string, made anew each time. */
  get body(): string {
    return this.bytes.toString();
  }

  /** To be called once the bytes have been sent, or not at all: their memory serves the next scrape then. */
  release(): void {
    this.#giveBack();
  }
}

/**
 * Renders pictures in the Prometheus text format. Kernel data goes through const metrics (samples replaced as a whole
 * at each scrape), so that no series outlives its subflow; prom-client names them and puts the text together.
 */
export class MetricsRegistry {
  readonly #registry = new Registry();
  readonly #collectors: readonly Collector[];
  readonly #samples = new Map<string, readonly Sample[]>();
  readonly #onError: (collector: string, error: ExporterError) => void;
  readonly #build: BuildInfo;
  readonly #buffers = new BufferPool();
  #queue: Promise<unknown> = Promise.resolve();

  /** `onError` hears of collectors that threw, which is a bug of theirs and costs only their own metrics. */
  constructor(options: {
    readonly collectors: readonly Collector[];
    readonly build: BuildInfo;
    readonly onError: (collector: string, error: ExporterError) => void;
  }) {
    this.#collectors = options.collectors;
    this.#build = options.build;
    this.#onError = options.onError;
    for (const family of [BUILD_INFO, COLLECTOR_SUCCESS, COLLECTOR_DURATION]) this.#register(family);
    for (const family of options.collectors.flatMap(({ families }) => families)) this.#register(family);
  }

  /** Runs every collector on the picture and renders the result; one at a time, since the samples are shared. */
  render(picture: Picture): Promise<Exposition> {
    const rendered = this.#queue.then(async () => {
      this.#collect(picture);
      // Family by family: the whole as one string would take fresh memory for each of its copies, which is dear.
      const text = new ByteWriter(this.#buffers.take());
      for (const { name } of this.#registry.getMetricsAsArray()) {
        text.write(await this.#registry.getSingleMetricAsString(name));
        text.write('\n\n');
      }
      const giveBack = () => this.#buffers.give(text.buffer);
      return new Exposition(this.#registry.contentType, text.finish(1), giveBack);
    });
    this.#queue = rendered.catch(() => undefined);
    return rendered;
  }

  #collect(picture: Picture): void {
    this.#samples.clear();
    const success = this.#open(COLLECTOR_SUCCESS);
    const duration = this.#open(COLLECTOR_DURATION);
    this.#open(BUILD_INFO)({ ...this.#build, node: process.version }, 1);
    for (const { name, parts, collect } of this.#collectors) {
      const start = performance.now();
      let ok = parts.every((part) => isKnown(part, picture.snapshot));
      try {
        for (const { family, samples } of collect({ picture }).values()) {
          this.#register(family);
          this.#samples.set(family.name, samples);
        }
      } catch (caught) {
        ok = false;
        this.#onError(name, asExporterError(caught));
      }
      success({ collector: name }, Number(ok));
      duration({ collector: name }, (performance.now() - start) / 1000);
    }
  }

  #open<L extends string>(family: Family<L>) {
    const samples: Sample[] = [];
    this.#samples.set(family.name, samples);
    return emitterInto(family, samples);
  }

  #register(family: Family): void {
    if (this.#registry.getSingleMetric(family.name) !== undefined) return;
    this.#registry.registerMetric(constMetric(family, () => this.#samples.get(family.name) ?? []));
  }
}

/** Renders families as they are now, for programs that keep no pictures. */
export async function renderFamilies(
  collected: readonly { readonly family: Family; readonly samples: readonly Sample[] }[],
): Promise<Exposition> {
  const registry = new Registry();
  for (const { family, samples } of collected) registry.registerMetric(constMetric(family, () => samples));
  return new Exposition(registry.contentType, Buffer.from(await registry.metrics()), () => undefined);
}

/** prom-client's type asks for a Metric of its own classes, but its text is made from what `get` returns alone. */
function constMetric({ name, help, type }: Family, samples: () => readonly Sample[]): Metric {
  const about = { name, help, type, aggregator: 'omit' };
  return { ...about, get: () => ({ ...about, values: asOneValue(name, samples()) }) } as unknown as Metric;
}

/**
 * A family's samples as one value for prom-client, which takes longer for the parts of thousands of lines than we for the
 * reading: all of its lines but for the last number, as if that were its name.
 */
function asOneValue(name: string, samples: readonly Sample[]) {
  const last = samples.at(-1);
  if (last === undefined) return [];
  let metricName = '';
  for (let i = 0; i < samples.length - 1; i++) {
    const sample = samples[i];
    if (sample !== undefined) metricName += `${lineOf(name, sample)} ${valueText(sample.value)}\n`;
  }
  return [{ metricName: metricName + lineOf(name, last), value: last.value }];
}
