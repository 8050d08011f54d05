import { readFileSync } from 'node:fs';
import type { Receiver } from '../../../exporter/src/linux/netlink/transport.ts';
import type { End } from './fake-kernel.ts';
import { messagesOf, readStep, type Step } from './fake-kernel.ts';

/** Steps of the captured events, and what was listened to. */
export type EventKind = 'pm' | 'destroy' | 'route';

/** The messages that one end was sent in one step of the captured events (fixtures/events-6.18). */
export function capturedEvents(step: string, end: End, kind: EventKind): Uint8Array[] {
  const file = new URL(`../../fixtures/events-6.18/${step}/${end}-${kind}.bin`, import.meta.url);
  return messagesOf(Uint8Array.from(readFileSync(file)));
}

/** One descriptor of a {@link FakeMulticast}. */
interface Descriptor {
  readonly protocol: number;
  readonly groups: readonly number[];
  readonly queue: Step[];
  readonly signal: () => void;
}

/** A kernel that sends multicast messages; a descriptor is signalled as libc's is: once, later, and again when armed anew. */
export class FakeMulticast {
  readonly descriptors: Descriptor[] = [];
  /** Descriptors opened so far. */
  opened = 0;
  /** What opening fails with, by protocol. */
  readonly refusals = new Map<number, Error>();

  readonly listen = (protocol: number, groups: readonly number[], onReadable: () => void): Receiver => {
    const refusal = this.refusals.get(protocol);
    if (refusal !== undefined) throw refusal;
    this.opened += 1;
    const queue: Step[] = [];
    let armed = true;
    const signal = (): void => {
      if (!armed || queue.length === 0) return;
      armed = false;
      setImmediate(() => {
        if (this.descriptors.includes(descriptor)) onReadable();
      });
    };
    const descriptor: Descriptor = { protocol, groups, queue, signal };
    this.descriptors.push(descriptor);
    return {
      read: (into) => readStep(queue, into),
      arm: () => {
        armed = true;
        signal();
      },
      close: () => {
        this.descriptors.splice(this.descriptors.indexOf(descriptor), 1);
      },
    };
  };

  /** Puts datagrams or errors into the queue of every open descriptor of the protocol. */
  send(protocol: number, ...steps: readonly Step[]): void {
    for (const descriptor of this.descriptors) {
      if (descriptor.protocol !== protocol) continue;
      descriptor.queue.push(...steps);
      descriptor.signal();
    }
  }
}
