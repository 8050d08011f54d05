import type { Socket } from 'node:net';

/**
 * Passes on what either socket says to the other, ends and failures too, so that both ends see one connection. Both
 * sockets need `allowHalfOpen`, or an answer after the end of the question is lost.
 */
export function splice(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.end());
  }
}
