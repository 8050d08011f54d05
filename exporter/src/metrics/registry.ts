import { type Metric, Registry } from 'prom-client';
import { asExporterError, type ExporterError } from '../errors.ts';
import type { Picture } from '../observer/picture.ts';
import { type Collector, isKnown } from './collector.ts';
import { type Emitter, emitterInto, type Family, type FamilyLines, linesOf } from './family.ts';
import { BUILD_INFO, COLLECTOR_DURATION, COLLECTOR_SUCCESS } from './self.ts';
import { BufferPool, ByteWriter } from './text.ts';

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
 * Renders pictures in the Prometheus text format. Kernel data goes through const metrics (replaced as a whole at each
 * scrape), so that no series outlives its subflow. prom-client keeps the families and words their HELP and TYPE; the lines
 * between are the emitters', for prom-client would take longer over the parts of thousands of them than we for the reading.
 */
export class MetricsRegistry {
  readonly #registry = new Registry();
  readonly #heads = new Map<string, string>();
  readonly #collectors: readonly (Pick<Collector, 'name' | 'parts'> & {
    readonly run: ReturnType<Collector['open']>;
  })[];
  readonly #lines = new Map<string, FamilyLines>();
  readonly #onError: (collector: string, error: ExporterError) => void;
  readonly #build: BuildInfo;
  readonly #buildInfo: Emitter<'version' | 'revision' | 'node'>;
  readonly #success: Emitter<'collector'>;
  readonly #duration: Emitter<'collector'>;
  readonly #buffers = new BufferPool();
  #queue: Promise<unknown> = Promise.resolve();

  /** `onError` hears of collectors that threw, which is a bug of theirs and costs only their own metrics. */
  constructor(options: {
    readonly collectors: readonly Collector[];
    readonly build: BuildInfo;
    readonly onError: (collector: string, error: ExporterError) => void;
  }) {
    this.#collectors = options.collectors.map(({ name, parts, open }) => ({ name, parts, run: open() }));
    this.#build = options.build;
    this.#onError = options.onError;
    this.#buildInfo = this.#open(BUILD_INFO);
    this.#success = this.#open(COLLECTOR_SUCCESS);
    this.#duration = this.#open(COLLECTOR_DURATION);
    for (const family of options.collectors.flatMap(({ families }) => families)) this.#register(family);
  }

  /** Runs every collector on the picture and renders the result; one at a time, since the lines are shared. */
  render(picture: Picture): Promise<Exposition> {
    const rendered = this.#queue.then(async () => {
      this.#collect(picture);
      // Family by family: the whole as one string would take fresh memory for each of its copies, which is dear.
      const text = new ByteWriter(this.#buffers.take());
      for (const { name } of this.#registry.getMetricsAsArray()) {
        text.write(this.#heads.get(name) ?? (await this.#learnHead(name)));
        text.write(this.#takeLines(name));
        text.write('\n');
      }
      const giveBack = () => this.#buffers.give(text.buffer);
      return new Exposition(this.#registry.contentType, text.finish(1), giveBack);
    });
    this.#queue = rendered.catch(() => undefined);
    return rendered;
  }

  async #learnHead(name: string): Promise<string> {
    const head = `${await this.#registry.getSingleMetricAsString(name)}\n`;
    this.#heads.set(name, head);
    return head;
  }

  /** Leaves none behind: kept until the next scrape, they would be copied by every collection of garbage. */
  #takeLines(name: string): string {
    const lines = this.#lines.get(name);
    if (lines === undefined) return '';
    const { text } = lines;
    lines.text = '';
    return text;
  }

  #collect(picture: Picture): void {
    for (const lines of this.#lines.values()) lines.text = '';
    this.#buildInfo({ ...this.#build, node: process.version }, 1);
    for (const { name, parts, run } of this.#collectors) {
      const start = performance.now();
      let ok = parts.every((part) => isKnown(part, picture.snapshot));
      try {
        for (const lines of run({ picture }).values()) this.#show(lines);
      } catch (caught) {
        ok = false;
        this.#onError(name, asExporterError(caught));
      }
      this.#success({ collector: name }, Number(ok));
      this.#duration({ collector: name }, (performance.now() - start) / 1000);
    }
  }

  #open<L extends string>(family: Family<L>) {
    const lines = linesOf(family);
    this.#show(lines);
    return emitterInto<L>(lines);
  }

  #show(lines: FamilyLines): void {
    const { name } = lines.family;
    if (this.#lines.has(name)) return;
    this.#register(lines.family);
    this.#lines.set(name, lines);
  }

  #register(family: Family): void {
    if (this.#registry.getSingleMetric(family.name) === undefined) this.#registry.registerMetric(constMetric(family));
  }
}

/** Renders families as they are now, for programs that keep no pictures. */
export async function renderFamilies(collected: readonly Readonly<FamilyLines>[]): Promise<Exposition> {
  const registry = new Registry();
  const texts: string[] = [];
  for (const { family, text } of collected) {
    registry.registerMetric(constMetric(family));
    texts.push(`${await registry.getSingleMetricAsString(family.name)}\n${text}`);
  }
  return new Exposition(registry.contentType, Buffer.from(texts.join('\n')), () => undefined);
}

/** prom-client's type asks for a Metric of its own classes, but its text is made from what `get` returns alone: here the head. */
function constMetric({ name, help, type }: Family): Metric {
  const about = { name, help, type, aggregator: 'omit' };
  return { ...about, get: () => ({ ...about, values: [] }) } as unknown as Metric;
}
