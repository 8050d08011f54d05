import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Flow, type FlowEvents } from './flow.ts';
import { askCarriedBytes } from './own-socket.ts';
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
  #begun = 0;
  #opened = 0;
  #closed = 0;
  #complete = 0;
  #stopping = false;
  #expected: number | undefined;
  #past = { sent: 0, received: 0 };
  #startedAt = 0;
  readonly #askCarried = askCarriedBytes();

  constructor(settings: Settings) {
    this.#settings = settings;
    if (settings.connect === undefined) this.#listen();
    else {
      const first = Math.min(settings.atATime ?? CONNECTING, settings.connections);
      for (let i = 0; i < first; i += 1) this.#connect(settings.connect);
    }
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

  #connect(to: { readonly port: number; readonly from?: string }): void {
    this.#begun += 1;
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
      if (this.#settings.atATime === undefined) this.#connectNext();
    });
  }

  #connectNext(): void {
    const { connect: to, connections } = this.#settings;
    if (to !== undefined && this.#begun < connections) this.#connect(to);
  }

  #adopt(socket: Socket): void {
    const events: FlowEvents = {
      onComplete: () => {
        this.#complete += 1;
        if (this.#complete === this.#settings.connections) emit({ event: 'moved', seconds: this.#seconds });
      },
      onProgress: () => this.#look(),
      onClosed: (error) => {
        this.#flows.delete(flow);
        this.#closed += 1;
        const { count } = flow;
        this.#past = { sent: this.#past.sent + count.sent, received: this.#past.received + count.received };
        emit({ event: 'closed', ...count, ...(error === undefined ? {} : { error: error.message }) });
        this.#look();
        if (this.#closed === this.#settings.connections) end();
        else if (this.#settings.atATime !== undefined) this.#connectNext();
      },
    };
    const flow = new Flow(socket, this.#settings, events, this.#askCarried);
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

  get #seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /** Tells what has become true since the last look. */
  #look(): void {
    if (this.#stopping && [...this.#flows].every(({ stopped }) => stopped)) {
      this.#stopping = false;
      emit({ event: 'stopped', sent: this.#sums().sent });
    }
    if (this.#expected !== undefined && this.#sums().received >= this.#expected) {
      this.#expected = undefined;
      emit({ event: 'arrived', seconds: this.#seconds });
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
