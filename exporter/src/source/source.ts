import type { KernelKind, Part, Reading, SourceName } from '../mptcp/model.ts';

/** One way to read the kernel. `read` never throws: what failed is in the reading. */
export interface Source {
  readonly name: SourceName;
  readonly kernel: KernelKind;
  /** Reads the sockets and interfaces always, of the other parts those asked for. Bounded in time by the source itself. */
  read(parts: ReadonlySet<Part>): Promise<Reading>;
  /** Gives back descriptors; a closed source is not read again. */
  close(): void;
}
