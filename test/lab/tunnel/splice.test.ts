import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { splice } from './splice.ts';

const listen = async (server: Server): Promise<number> => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
};

/** What comes until the other side ends, without closing this one as a stream's consumers do. */
async function received(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (data) => {
    text += data;
  });
  await once(socket, 'end');
  return text;
}

describe('two spliced sockets', () => {
  let far: Server;
  let near: Server;
  let client: Socket;
  let server: Socket;
  beforeEach(async () => {
    far = createServer({ allowHalfOpen: true });
    const port = await listen(far);
    near = createServer({ allowHalfOpen: true }, (socket) =>
      splice(socket, connect({ host: '127.0.0.1', port, allowHalfOpen: true })),
    );
    client = connect({ host: '127.0.0.1', port: await listen(near), allowHalfOpen: true });
    [server] = (await once(far, 'connection')) as [Socket];
  });
  afterEach(() => {
    for (const socket of [client, server]) socket.destroy();
    for (const listener of [near, far]) listener.close();
  });

  it('pass on everything, also an answer that begins after the question has ended', async () => {
    const question = 'question '.repeat(100_000);
    client.end(question);
    expect(await received(server)).toBe(question);
    server.end('answer');
    expect(await received(client)).toBe('answer');
  });

  it.each([
    ['the asking', () => ({ failing: client, other: server })],
    ['the answering', () => ({ failing: server, other: client })],
  ])('end with %s side when it fails', async (_side, roles) => {
    const { failing, other } = roles();
    const closed = once(other, 'close');
    other
      .on('error', () => undefined)
      .resume()
      .end();
    failing.resetAndDestroy();
    await closed;
  });
});

it('a splice to where nothing listens closes the connection', async () => {
  const port = await (async () => {
    const server = createServer();
    const free = await listen(server);
    await once(server.close(), 'close');
    return free;
  })();
  const near = createServer({ allowHalfOpen: true }, (socket) => splice(socket, connect({ host: '127.0.0.1', port })));
  const client = connect({ host: '127.0.0.1', port: await listen(near) });
  client.on('error', () => undefined).resume();
  await once(client, 'close');
  near.close();
});
