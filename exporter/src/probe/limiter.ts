/** Bounds how many pieces of work are under way for each name, so that a slow one delays only its own kind. */
export class Limiter {
  readonly #most: number;
  readonly #lines = new Map<string, { running: number; readonly waiting: (() => void)[] }>();

  /** `most` at once for one name. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Runs the work when its turn comes; with the work's own outcome. Lines are as long as their callers make them. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(name) ?? { running: 0, waiting: [] };
    this.#lines.set(name, line);
    if (line.running >= this.#most) await new Promise<void>((resolve) => line.waiting.push(resolve));
    else line.running++;
    try {
      return await work();
    } finally {
      const next = line.waiting.shift();
      if (next !== undefined) next();
      else if (--line.running === 0) this.#lines.delete(name);
    }
  }
}
