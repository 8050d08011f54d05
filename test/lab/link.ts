import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from './host.ts';
import { type Direction, type LinkPlan, reshape } from './links.ts';
import { labDirectory } from './registry.ts';
import { run } from './run.ts';
import { type Impairment, impair, netem, type Shape, tbf } from './shape.ts';
import { createVdeLink, shapeVdeLink } from './vde.ts';

/** What a link was set to and what faults add to it; kept in a file, so that a fault may come from another process. */
interface LinkState {
  readonly up: Shape;
  readonly down: Shape;
  readonly impairments: Readonly<Record<string, Impairment>>;
}

/** A link of a running lab. */
export class Link {
  readonly plan: LinkPlan;
  readonly #id: string;
  readonly #client: Host;
  readonly #server: Host;
  readonly #file: string;

  constructor(id: string, client: Host, server: Host, plan: LinkPlan) {
    this.plan = plan;
    this.#id = id;
    this.#client = client;
    this.#server = server;
    this.#file = join(labDirectory(id), `${plan.name}-state.json`);
  }

  /** What it does to packets now, faults included; `up` is client to server. */
  get shape(): { readonly up: Shape; readonly down: Shape } {
    return this.#shapeOf(this.#state);
  }

  /** Changes rate, delay or loss while traffic runs; what is absent stays. Throws for delay or loss on a bare veth pair. */
  async set(change: Direction & { readonly up?: Direction; readonly down?: Direction }): Promise<void> {
    const { up, down, impairments } = this.#state;
    const { emulation } = this.plan;
    await this.#become({
      up: reshape(up, emulation, change, change.up),
      down: reshape(down, emulation, change, change.down),
      impairments,
    });
  }

  /** Makes it worse on top of what it was set to, until the function given is called. Throws as `set` does. */
  async impair(impairment: Impairment): Promise<() => Promise<void>> {
    const key = randomUUID();
    const before = this.#state;
    await this.#become({ ...before, impairments: { ...before.impairments, [key]: impairment } });
    return async () => {
      const { [key]: _ended, ...impairments } = this.#state.impairments;
      await this.#become({ ...this.#state, impairments });
    };
  }

  /** Makes the two interfaces, straight inside the namespaces. */
  async create(): Promise<void> {
    const { name, emulation, up, down } = this.plan;
    if (emulation === 'vde') await createVdeLink(this.#id, this.#client, this.#server, this.plan);
    else {
      const peer = ['peer', 'name', name, 'netns', this.#server.namespace];
      await run('ip', ['-n', this.#client.namespace, 'link', 'add', name, 'type', 'veth', ...peer]);
    }
    await this.#become({ up, down, impairments: {} });
  }

  /** Shapes it as before after an interface was away, which loses its queue. */
  async reapply(): Promise<void> {
    await this.#become(this.#state);
  }

  get #state(): LinkState {
    return JSON.parse(readFileSync(this.#file, 'utf8')) as LinkState;
  }

  #shapeOf({ up, down, impairments }: LinkState): { readonly up: Shape; readonly down: Shape } {
    const all = Object.values(impairments);
    // No change, but the same checks.
    return {
      up: reshape(impair(up, 'up', all), this.plan.emulation),
      down: reshape(impair(down, 'down', all), this.plan.emulation),
    };
  }

  async #become(state: LinkState): Promise<void> {
    const { up, down } = this.#shapeOf(state);
    await Promise.all([this.#queue(this.#client, up), this.#queue(this.#server, down)]);
    if (this.plan.emulation === 'vde') await shapeVdeLink(this.#id, this.plan.name, up, down);
    writeFileSync(this.#file, JSON.stringify(state));
  }

  /** Each direction is shaped where its packets leave. */
  async #queue(host: Host, shape: Shape): Promise<void> {
    const discipline = this.plan.emulation === 'netem' ? netem(shape) : tbf(shape);
    await host.batch('tc', discipline === undefined ? [] : [`qdisc replace dev ${this.plan.name} root ${discipline}`]);
  }
}
