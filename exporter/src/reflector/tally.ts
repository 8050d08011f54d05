import type { RefusalReason } from './protocol/routes.ts';

/** What the reflector serves. */
export const SERVICES = ['download', 'upload', 'echo_tcp', 'echo_udp'] as const;

/** One of {@link SERVICES}. */
export type Service = (typeof SERVICES)[number];

/**
 * How a request ended: `done`, `incomplete` (the other end left, stood still or took too long), `malformed` (a datagram that
 * is no echo), `limited` (a datagram beyond the limit), or why it was refused.
 */
export type Outcome = 'done' | 'incomplete' | 'malformed' | 'limited' | RefusalReason;

/** What the reflector has served since its start; bounded by closed sets. */
export class ReflectorTally {
  readonly #requests = new Map<Service, Map<Outcome, number>>();
  readonly #sent = new Map<Service, number>();
  readonly #received = new Map<Service, number>();
  /** Connections that were turned away at the door. */
  refusedConnections = 0;

  count(service: Service, outcome: Outcome): void {
    const outcomes = this.#requests.get(service) ?? new Map<Outcome, number>();
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    this.#requests.set(service, outcomes);
  }

  sent(service: Service, bytes: number): void {
    this.#sent.set(service, (this.#sent.get(service) ?? 0) + bytes);
  }

  received(service: Service, bytes: number): void {
    this.#received.set(service, (this.#received.get(service) ?? 0) + bytes);
  }

  /** Payload bytes of a service. */
  bytes(service: Service): { readonly sent: number; readonly received: number } {
    return { sent: this.#sent.get(service) ?? 0, received: this.#received.get(service) ?? 0 };
  }

  /** Every pair counted so far. */
  *requests(): Generator<{ readonly service: Service; readonly outcome: Outcome; readonly count: number }> {
    for (const [service, outcomes] of this.#requests) {
      for (const [outcome, count] of outcomes) yield { service, outcome, count };
    }
  }
}
