import { createServer } from 'node:net';

/** Why this port of 127.0.0.1 cannot be listened on: the error's code; undefined when it can. */
export function portUnavailable(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(undefined)));
  });
}
