import type { Failure, KernelKind, Part, Reading, SourceEvent, SourceName } from '../mptcp/model.ts';

/** One way to read the kernel. `read` never throws: what failed is in the reading. */
export interface Source {
  readonly name: SourceName;
  readonly kernel: KernelKind;
  /** Reads the sockets and interfaces always, of the other parts those asked for. Bounded in time by the source itself. */
  read(parts: ReadonlySet<Part>): Promise<Reading>;
  /**
   * Has the kernel tell `listener` of what happens between readings, in batches in their order, until {@link close}. Gives why
   * that cannot be had (no CAP_NET_ADMIN, …), or nothing; absent where the source has no events. Never throws.
   */
  subscribe?(listener: (events: readonly SourceEvent[]) => void): Promise<Failure | undefined>;
  /** Gives back descriptors; a closed source is not read again. */
  close(): void;
}
