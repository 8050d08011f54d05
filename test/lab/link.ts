import type { Host } from './host.ts';
import { type Direction, type LinkPlan, reshape } from './links.ts';
import { run } from './run.ts';
import { netem, type Shape, tbf } from './shape.ts';
import { createVdeLink, shapeVdeLink } from './vde.ts';

/** A link of a running lab. */
export class Link {
  readonly plan: LinkPlan;
  readonly #id: string;
  readonly #client: Host;
  readonly #server: Host;
  #up: Shape;
  #down: Shape;

  constructor(id: string, client: Host, server: Host, plan: LinkPlan) {
    this.plan = plan;
    this.#id = id;
    this.#client = client;
    this.#server = server;
    this.#up = plan.up;
    this.#down = plan.down;
  }

  /** What it does to packets now; `up` is client to server. */
  get shape(): { readonly up: Shape; readonly down: Shape } {
    return { up: this.#up, down: this.#down };
  }

  /** Changes rate, delay or loss while traffic runs; what is absent stays. Throws for delay or loss on a bare veth pair. */
  async set(change: Direction & { readonly up?: Direction; readonly down?: Direction }): Promise<void> {
    const up = reshape(this.#up, this.plan.emulation, change, change.up);
    const down = reshape(this.#down, this.plan.emulation, change, change.down);
    await this.#apply(up, down);
    if (this.plan.emulation === 'vde') await shapeVdeLink(this.#id, this.plan.name, up, down);
    this.#up = up;
    this.#down = down;
  }

  /** Makes the two interfaces, straight inside the namespaces. */
  async create(): Promise<void> {
    const { name, emulation } = this.plan;
    if (emulation === 'vde') await createVdeLink(this.#id, this.#client, this.#server, this.plan);
    else {
      const peer = ['peer', 'name', name, 'netns', this.#server.namespace];
      await run('ip', ['-n', this.#client.namespace, 'link', 'add', name, 'type', 'veth', ...peer]);
    }
    await this.#apply(this.#up, this.#down);
  }

  /** Each direction is shaped where its packets leave. */
  async #apply(up: Shape, down: Shape): Promise<void> {
    const queue = (host: Host, shape: Shape) => {
      const discipline = this.plan.emulation === 'netem' ? netem(shape) : tbf(shape);
      return host.batch(
        'tc',
        discipline === undefined ? [] : [`qdisc replace dev ${this.plan.name} root ${discipline}`],
      );
    };
    await Promise.all([queue(this.#client, up), queue(this.#server, down)]);
  }
}
