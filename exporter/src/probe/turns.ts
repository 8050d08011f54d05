/** A lock that is given to one after the other, in the order they ask. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /**
   * Waits for its turn and gives the function that ends it. Rejects with the signal's reason when that is aborted first, and
   * then holds up nobody.
   */
  async take(signal: AbortSignal): Promise<() => void> {
    const before = this.#last;
    let end: () => void = () => undefined;
    const mine = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#last = before.then(() => mine);
    try {
      await abortable(before, signal);
    } catch (caught) {
      end();
      throw caught;
    }
    return end;
  }
}

/** The promise, or a rejection once the signal is aborted. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
