import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type {
  CloseRecord,
  Failure,
  Incident,
  PathManagerEvent,
  SocketAddress,
  SocketRecords,
  SourceEvent,
} from '../../exporter/src/mptcp/model.ts';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { nodeProgram } from '../lab/node-program.ts';
import type { LabProcess } from '../lab/process.ts';
import { describeLive } from '../lab/vitest.ts';

const BYTES = 1_000_000;
/** How late an event may be told, in milliseconds. */
const LATE = 200;
/** How long a busy machine may take to get to what is waited for. */
const PATIENT = { timeout: 10_000 };

/** A line of tell-events.ts. */
interface Line {
  readonly at: number;
  readonly event?: SourceEvent;
  readonly failure?: Failure;
  readonly sockets?: SocketRecords;
  readonly events?: boolean;
  readonly incidents?: readonly Incident[];
}

/** The netlink source running in a host. */
class Teller {
  readonly #process: LabProcess;
  readonly #lines: Line[] = [];

  private constructor(process: LabProcess) {
    this.#process = process;
    process.onLine((line) => this.#lines.push(JSON.parse(line) as Line));
  }

  static async start(host: Host, prefix: readonly string[] = [], ...args: string[]): Promise<Teller> {
    const [program = '', ...rest] = [...prefix, ...nodeProgram(new URL('tell-events.ts', import.meta.url)), ...args];
    const teller = new Teller(host.spawn(program, rest));
    await teller.#process.waitForLine(/"subscribed":true/, 20_000);
    return teller;
  }

  get failure(): Failure | undefined {
    return this.#lines.find(({ failure }) => failure !== undefined)?.failure;
  }

  get told(): readonly { readonly at: number; readonly event: SourceEvent }[] {
    return this.#lines.flatMap(({ at, event }) => (event === undefined ? [] : [{ at, event }]));
  }

  get closes(): readonly CloseRecord[] {
    return this.told.flatMap(({ event }) => (event.kind === 'close' ? [event.close] : []));
  }

  named(name: PathManagerEvent['name']): readonly (PathManagerEvent & { readonly at: number })[] {
    return this.told.flatMap(({ at, event }) =>
      event.kind === 'path_manager' && event.event.name === name ? [{ ...event.event, at }] : [],
    );
  }

  times(kind: SourceEvent['kind']): readonly number[] {
    return this.told.filter(({ event }) => event.kind === kind).map(({ at }) => at);
  }

  /** Forgets what was told so far. */
  forget(): void {
    this.#lines.length = 0;
  }

  async read(): Promise<Line> {
    const before = this.#lines.length;
    this.#process.write('read\n');
    const found = () => this.#lines.slice(before).find(({ incidents }) => incidents !== undefined);
    await expect.poll(found, PATIENT).toBeDefined();
    return found() ?? { at: 0 };
  }

  async stop(): Promise<number | null> {
    this.#process.endInput();
    return (await this.#process.exited).code;
  }
}

const end = ({ address, port }: SocketAddress = { address: '?', port: 0 }): string => `${address} ${port}`;
const tuple = ({ local, remote }: { readonly local?: SocketAddress; readonly remote?: SocketAddress }): string =>
  `${end(local)} > ${end(remote)}`;

describeLive('the events of the kernel', () => {
  let lab: Lab;
  let client: Teller;
  let server: Teller;

  beforeAll(async () => {
    lab = await createLab({
      links: [
        { name: 'eth0', rateMbit: 50, delayMs: 5 },
        { name: 'wlan0', rateMbit: 50, delayMs: 10 },
      ],
    });
    [client, server] = await Promise.all([Teller.start(lab.client), Teller.start(lab.server)]);
  });
  afterAll(() => lab?.close());

  it('can all be had as root', async () => {
    expect([client.failure, server.failure]).toEqual([undefined, undefined]);
    expect((await client.read()).events).toBe(true);
  });

  it.each([
    ['up, closed by the client', 4, 'up', 'client'],
    ['down, closed by the server', 4, 'down', 'server'],
    ['up over IPv6, closed by the server', 6, 'up', 'server'],
  ] as const)(
    '%s: a connection is told from its birth to its last bytes, with its token and addresses, at both ends',
    { retry: 2 },
    async (_, family, direction, closer) => {
      client.forget();
      server.forget();
      const traffic = await lab.startTraffic({ bytes: BYTES, direction, closer, family, hold: true, rateMbit: 40 });
      const open = Date.now();
      for (const teller of [client, server]) {
        await expect.poll(() => teller.named('subflow_established').length, PATIENT).toBe(1);
        expect(teller.named('created')[0]?.at, 'told in time').toBeLessThan(open + LATE);
      }
      await expect
        .poll(async () => (await traffic.progress())[direction === 'up' ? 'server' : 'client'].received, PATIENT)
        .toBe(BYTES);
      for (const teller of [client, server]) {
        const { sockets } = await teller.read();
        const token = sockets?.connections[0]?.token;
        expect(token).toBeGreaterThan(0);
        const events = ['created', 'established', 'subflow_established'] as const;
        for (const name of events)
          expect(
            teller.named(name).map((event) => event.token),
            name,
          ).toEqual([token]);
        expect(teller.named('established')[0]?.serverSide ?? false).toBe(teller === server);
        const tuples = (sockets?.subflows ?? []).map(tuple).sort();
        expect([...teller.named('established'), ...teller.named('subflow_established')].map(tuple).sort()).toEqual(
          tuples,
        );
        expect(tuples).toHaveLength(2);
      }
      const closing = Date.now();
      await traffic.finish();
      const closed = Date.now();
      const first = closer === 'client' ? client : server;
      for (const teller of [client, server]) {
        await expect.poll(() => teller.named('closed').length, PATIENT).toBe(1);
        expect(teller.named('closed')[0]?.at).toBeGreaterThanOrEqual(closing);
        expect(teller.named('closed')[0]?.at, 'told in time').toBeLessThan(closed + LATE);
      }

      // The end that closes first tells of every subflow; at the other end the initial one may have been disconnected.
      const whole = (teller: Teller) => teller.closes.filter(({ remote }) => remote.port !== 0);
      await expect.poll(() => whole(first).length, PATIENT).toBe(2);
      const sender = direction === 'up' ? client : server;
      const sent = (close: CloseRecord) => close.tcp.acknowledgedBytes ?? Number.NaN;
      const received = (close: CloseRecord) => close.tcp.receivedBytes ?? Number.NaN;
      const payload = first === sender ? sent : received;
      const total = whole(first).reduce((sum, close) => sum + payload(close), 0);
      console.log(`${direction}, IPv${family}: ${BYTES} bytes, closes tell ${total}`);
      expect(total).toBeGreaterThanOrEqual(BYTES);
      // SYN and FIN of each subflow, and what the connection repeated on its other subflow.
      expect(total).toBeLessThanOrEqual(BYTES * 1.01 + 4);
      const other = first === client ? server : client;
      await expect.poll(() => whole(other).length, PATIENT).toBeGreaterThan(0);
      for (const far of whole(other)) {
        const near = whole(first).find((close) => tuple({ local: close.remote, remote: close.local }) === tuple(far));
        const [acknowledged, arrived] =
          near === undefined ? [] : first === sender ? [sent(near), received(far)] : [sent(far), received(near)];
        expect((acknowledged ?? Number.NaN) - (arrived ?? Number.NaN), 'but for SYN and FIN').toBeOneOf([0, 1, 2]);
      }
    },
  );

  it('an interface that goes down, and one that loses an address, are told at once', { retry: 2 }, async () => {
    for (const [undo, ...doing] of [
      ['link set dev wlan0 up', 'link', 'set', 'dev', 'wlan0', 'down'],
      [
        `address add ${lab.client.address('eth0')}/24 dev eth0`,
        'address',
        'delete',
        `${lab.client.address('eth0')}/24`,
        'dev',
        'eth0',
      ],
    ]) {
      client.forget();
      await lab.client.exec('ip', doing);
      const done = Date.now();
      await expect.poll(() => client.times('interfaces').length, PATIENT).toBeGreaterThan(0);
      await lab.client.batch('ip', [undo ?? '']);
      expect(client.times('interfaces')[0], doing.join(' ')).toBeLessThan(done + LATE);
      await sleep(300);
    }
  });

  it('that do not fit the queue are told as an overrun, counted, and those after it come', async () => {
    const narrow = await Teller.start(lab.client, [], '4096');
    await lab.transfer({ bytes: 10_000, connections: 60, family: 6 });
    await expect.poll(() => narrow.times('overrun').length, PATIENT).toBeGreaterThan(0);
    expect((await narrow.read()).incidents).toContainEqual({ part: 'sockets', code: 'overrun' });
    await sleep(500);
    narrow.forget();
    await lab.transfer({ bytes: 1_000, family: 6 });
    await expect.poll(() => narrow.closes.length, PATIENT).toBeGreaterThan(0);
    await expect.poll(() => narrow.named('closed').length, PATIENT).toBe(1);
    expect(await narrow.stop()).toBe(0);
  });

  it('without CAP_NET_ADMIN are those of the interfaces alone, with what to do, and nothing breaks', async () => {
    const plain = await Teller.start(lab.client, ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin']);
    expect(plain.failure).toEqual({
      code: 'permission_denied',
      message: expect.stringMatching(/^not permitted to listen to .*\. Run as root or with CAP_NET_ADMIN/),
    });
    await lab.client.exec('ip', ['link', 'set', 'dev', 'wlan0', 'down']);
    await expect.poll(() => plain.times('interfaces').length, PATIENT).toBeGreaterThan(0);
    await lab.client.exec('ip', ['link', 'set', 'dev', 'wlan0', 'up']);
    const { events, sockets } = await plain.read();
    expect([events, Array.isArray(sockets?.subflows)]).toEqual([false, true]);
    expect(plain.closes).toEqual([]);
    expect(await plain.stop()).toBe(0);
  });
});
