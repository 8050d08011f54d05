import type { ExporterError } from '../../errors.ts';

/** How long to wait for a place, and what to throw when none comes. */
interface Wait {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly timedOut: () => ExporterError;
  readonly interrupted: () => ExporterError;
}

/** Bounds how many run at once; the others wait in line. */
export class Places {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Waits until there is a place. Rejects with `timedOut()` when none becomes free in time, or with `interrupted()`. */
  take({ timeoutMs, signal, timedOut, interrupted }: Wait): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(interrupted());
    if (this.#taken < this.#most) {
      this.#taken++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
      };
      const leave = (error: ExporterError) => {
        stop();
        this.#waiting.splice(this.#waiting.indexOf(admit), 1);
        reject(error);
      };
      const admit = () => {
        stop();
        resolve();
      };
      const cancel = () => leave(interrupted());
      const timer = setTimeout(() => leave(timedOut()), timeoutMs);
      signal?.addEventListener('abort', cancel);
      this.#waiting.push(admit);
    });
  }

  /** Hands the place to whoever has waited longest. */
  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next();
  }
}
