/** What keeps the stack from starting or going on, in words for the terminal, and the exit status that goes with it. */
export class StackError extends Error {
  override readonly name = 'StackError';
  /** 2 when it cannot start here, 1 when something broke. */
  readonly status: 1 | 2;

  constructor(status: 1 | 2, message: string) {
    super(message);
    this.status = status;
  }
}
