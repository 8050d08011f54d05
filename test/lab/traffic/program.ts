import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Flow } from './flow.ts';
import { type Command, type Event, encode, type Settings } from './protocol.ts';

// The program that runs at both ends of a lab: told what to do by JSON lines on standard input, telling what happens on
// standard output. `mptcpize run` in front of it makes its sockets MPTCP sockets. It ends when its standard input does.

const BACKLOG = 16_384;
/** Connections under way at a time, so that opening thousands does not overflow the listener. */
const CONNECTING = 256;

const emit = (event: Event): void => {
  process.stdout.write(encode(event));
};

class Program {
  readonly #settings: Settings;
  readonly #flows = new Set<Flow>();
  #opened = 0;
  #closed = 0;
  #completed = false;
  #stopping = false;
  #expected: number | undefined;
  #past = { sent: 0, received: 0 };
  #startedAt = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
    if (settings.connect === undefined) this.#listen();
    else for (let i = 0; i < Math.min(CONNECTING, settings.connections); i += 1) this.#connect(settings.connect, i);
  }

  handle(command: Command): void {
    if (command.command === 'progress') emit({ event: 'progress', ...this.#sums(), open: this.#flows.size });
    else if (command.command === 'stop') {
      this.#stopping = true;
      for (const flow of this.#flows) flow.stop();
    } else if (command.command === 'expect') this.#expected = command.received;
    else for (const flow of this.#flows) flow[command.command]();
    this.#look();
  }

  #listen(): void {
    const { host, ipv6Only } = this.#settings;
    const server = createServer((socket) => this.#adopt(socket));
    server.listen({ host, port: 0, ipv6Only, backlog: BACKLOG }, () => {
      const address = server.address();
      if (address !== null && typeof address === 'object') emit({ event: 'listening', port: address.port });
    });
  }

  #connect(to: { readonly port: number; readonly from?: string }, index: number): void {
    const socket = connect({
      host: this.#settings.host,
      port: to.port,
      ...(to.from === undefined ? {} : { localAddress: to.from }),
    });
    const refuse = (error: Error) => {
      throw error;
    };
    socket.once('error', refuse);
    socket.once('connect', () => {
      socket.off('error', refuse);
      this.#adopt(socket);
      if (index + CONNECTING < this.#settings.connections) this.#connect(to, index + CONNECTING);
    });
  }

  #adopt(socket: Socket): void {
    const flow = new Flow(socket, this.#settings, {
      onProgress: () => this.#look(),
      onClosed: (error) => {
        this.#flows.delete(flow);
        this.#closed += 1;
        const { count } = flow;
        this.#past = { sent: this.#past.sent + count.sent, received: this.#past.received + count.received };
        emit({ event: 'closed', ...count, ...(error === undefined ? {} : { error: error.message }) });
        this.#look();
        if (this.#closed === this.#settings.connections) end();
      },
    });
    this.#flows.add(flow);
    this.#opened += 1;
    if (this.#opened === 1) this.#startedAt = performance.now();
    if (this.#opened === this.#settings.connections) emit({ event: 'opened' });
    flow.start();
  }

  #sums(): { sent: number; received: number } {
    const sums = { ...this.#past };
    for (const { count } of this.#flows) {
      sums.sent += count.sent;
      sums.received += count.received;
    }
    return sums;
  }

  /** Tells what has become true since the last look. */
  #look(): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const { connections, bytes, sends, receives } = this.#settings;
    if (!this.#completed && bytes !== undefined && this.#opened === connections) {
      const { sent, received } = this.#sums();
      const total = bytes * connections;
      if ((!sends || sent === total) && (!receives || received === total)) {
        this.#completed = true;
        emit({ event: 'moved', seconds });
      }
    }
    if (this.#stopping && [...this.#flows].every(({ stopped }) => stopped)) {
      this.#stopping = false;
      emit({ event: 'stopped', sent: this.#sums().sent });
    }
    if (this.#expected !== undefined && this.#sums().received >= this.#expected) {
      this.#expected = undefined;
      emit({ event: 'arrived', seconds });
    }
  }
}

function end(): void {
  process.stdout.write(encode({ event: 'ended' }), () => process.exit(0));
}

let program: Program | undefined;
createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (program === undefined) program = new Program(JSON.parse(line) as Settings);
    else program.handle(JSON.parse(line) as Command);
  })
  .on('close', () => process.exit(1));
