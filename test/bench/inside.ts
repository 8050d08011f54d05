/**
 * Runs inside a lab's client namespace and prints measurements as JSON. `read`: our reading and join next to ss.
 * `scrape URL URL`: two exporters scraped in turn, as Prometheus does it: by one client, over a connection kept alive, gzip
 * asked of both, from the request to the last byte. Each is measured in turn, so that a busy moment hits all alike.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { assemble } from '../../exporter/src/mptcp/assemble.ts';
import { Ledger } from '../../exporter/src/mptcp/ledger.ts';
import { PARTS } from '../../exporter/src/mptcp/model.ts';
import { pathMatcher } from '../../exporter/src/mptcp/path-rules.ts';
import { openNetlinkSource } from '../../exporter/src/source/netlink.ts';

const ROUNDS = 50;
const WARM_UP = 15;

/** Between two tasks, as between two scrapes, the program has time to tidy up. */
const PAUSE_MS = 50;

type Task = readonly [name: string, run: () => Promise<unknown>];

/** Milliseconds of every round by task, the tasks taking turns. */
async function measure(tasks: readonly Task[]): Promise<Record<string, number[]>> {
  const times = Object.fromEntries(tasks.map(([name]) => [name, [] as number[]]));
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const [name, run] of tasks) {
      const start = performance.now();
      await run();
      if (round >= 0) times[name]?.push(performance.now() - start);
      await sleep(PAUSE_MS);
    }
  }
  return times;
}

/** Runs ss with its output thrown away, which is the least it can cost. */
const ss = (flags: string) => async () => {
  const child = spawn('ss', [flags], { stdio: 'ignore' });
  await once(child, 'exit');
};

/** The end of a body without a length (RFC 9112, section 7.1). */
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');

/** Asks over one connection and gives the number of bytes. By hand: an HTTP client in JavaScript takes 1 ms for its own part. */
function scraper(url: string): () => Promise<number> {
  const { hostname, port, host, pathname } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const request = `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAccept-Encoding: gzip\r\n\r\n`;
  return async () => {
    socket.write(request);
    let answer = Buffer.alloc(0);
    for (;;) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      answer = Buffer.concat([answer, chunk]);
      const head = answer.indexOf('\r\n\r\n') + 4;
      const [, length] = /\r\ncontent-length: (\d+)/i.exec(answer.toString('latin1', 0, head)) ?? [];
      if (
        length === undefined
          ? answer.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)
          : answer.length >= head + Number(length)
      ) {
        return answer.length;
      }
    }
  };
}

async function measureReading(): Promise<object> {
  const source = await openNetlinkSource({ procfs: '/proc' });
  const match = pathMatcher([]);
  const ledger = new Ledger({ minimumSpanSeconds: 0.5 });
  let counts = {};
  const readAndJoin = async () => {
    const reading = await source.read(new Set(PARTS));
    const snapshot = assemble(reading, { rules: [], match });
    const { connections, subflows } = snapshot.sockets.value ?? { connections: [], subflows: [] };
    counts = { connections: connections.length, subflows: subflows.length };
    return snapshot;
  };
  const times = await measure([
    ['netlink read and join', readAndJoin],
    ['netlink read, join and ledger', async () => ledger.fold(await readAndJoin())],
    ['ss -tinHO', ss('-tinHO')],
    ['ss -MinHO', ss('-MinHO')],
  ]);
  source.close();
  return { counts, times };
}

const [task, ...urls] = process.argv.slice(2);
const result =
  task === 'read' ? await measureReading() : { times: await measure(urls.map((url): Task => [url, scraper(url)])) };
console.log(JSON.stringify(result));
process.exit(0); // the scrapers' connections are open
