import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { asExporterError, ExporterError } from '../errors.ts';
import { run } from './tool/exec.ts';

/** What is learnt about an interface slowly, through systeminformation. */
export interface InterfaceFacts {
  readonly name: string;
  /** Negotiated link speed. */
  readonly speedBytesPerSecond?: number;
  /** `ethernet`, `wifi`, `mobile`; absent for virtual interfaces. */
  readonly access?: string;
  readonly wifiSignalDbm?: number;
}

const FACTS = z.array(
  z.object({
    name: z.string(),
    speedBytesPerSecond: z.number().optional(),
    access: z.string().optional(),
    wifiSignalDbm: z.number().optional(),
  }),
);

/** systeminformation runs its tools synchronously, so it gets a process of its own: it must never hold up a scrape. */
const PROGRAM = fileURLToPath(new URL('./interface-facts-program.js', import.meta.url));

/** How long facts are served before they are learnt anew. */
export const FACTS_INTERVAL_MS = 30_000;

const TIMEOUT_MS = 20_000;
const OUTPUT_LIMIT_BYTES = 1 << 20;

/** Asks systeminformation in a child process; throws {@link ExporterError} when that fails or answers nonsense. */
export async function readInterfaceFacts(program: string = PROGRAM): Promise<ReadonlyMap<string, InterfaceFacts>> {
  const text = await run(process.execPath, [program], { timeoutMs: TIMEOUT_MS, maxBytes: OUTPUT_LIMIT_BYTES });
  return parseInterfaceFacts(text);
}

/** Reads the child's JSON; throws `malformed` when it is not a list of facts. */
export function parseInterfaceFacts(text: string): ReadonlyMap<string, InterfaceFacts> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ExporterError('malformed', 'the interface facts are not JSON', { cause });
  }
  const parsed = FACTS.safeParse(json);
  if (!parsed.success)
    throw new ExporterError('malformed', 'the interface facts have another shape', { cause: parsed.error });
  return new Map(
    parsed.data.map(({ name, speedBytesPerSecond, access, wifiSignalDbm }) => [
      name,
      {
        name,
        ...(speedBytesPerSecond !== undefined && { speedBytesPerSecond }),
        ...(access !== undefined && { access }),
        ...(wifiSignalDbm !== undefined && { wifiSignalDbm }),
      },
    ]),
  );
}

/** Keeps the facts fresh in the background, one child process at a time; readers get the last ones known. */
export class InterfaceFactsCache {
  #current: ReadonlyMap<string, InterfaceFacts> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  readonly #read: () => Promise<ReadonlyMap<string, InterfaceFacts>>;
  readonly #onError: (error: ExporterError) => void;

  /** `onError` gets each failed attempt; the facts of the last good one stay. */
  constructor(
    onError: (error: ExporterError) => void,
    read: () => Promise<ReadonlyMap<string, InterfaceFacts>> = readInterfaceFacts,
  ) {
    this.#onError = onError;
    this.#read = read;
  }

  /** Empty until the first answer. */
  get current(): ReadonlyMap<string, InterfaceFacts> {
    return this.#current;
  }

  /** Reads now and every {@link FACTS_INTERVAL_MS} until {@link stop}. */
  start(): void {
    void this.#refresh();
  }

  /** Ends the refreshing; a child still running ends by its own timeout or with this process. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #refresh(): Promise<void> {
    try {
      this.#current = await this.#read();
    } catch (caught) {
      this.#onError(asExporterError(caught));
    }
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#refresh(), FACTS_INTERVAL_MS);
    this.#timer.unref();
  }
}
