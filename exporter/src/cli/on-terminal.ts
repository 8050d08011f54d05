/** What a command that prints and ends is given. */
export interface Terminal {
  /** Set off by Ctrl-C, and when nobody reads any more. */
  readonly stop: AbortSignal;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
  readonly write: (text: string) => void;
}

/** Runs a command that prints to standard output, and ends the process with the exit status that it gives. */
export async function onTerminal(run: (terminal: Terminal) => Promise<number>): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  // As `| head` leaves it: what is printed after that goes nowhere.
  process.stdout.on('error', () => stop.abort());
  const status = await run({
    stop: stop.signal,
    terminal: process.stdout.isTTY === true,
    write: (text) => void (stop.signal.aborted || process.stdout.write(text)),
  });
  // A pipe takes its time; what is still pending besides (a read of the kernel) must not hold up whoever waits for us.
  process.stdout.write('', () => process.exit(status));
}
