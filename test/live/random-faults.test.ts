import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeLive } from '../lab/vitest.ts';
import { openSockets } from '../support/descriptors.ts';
import type { RunningExporter } from '../support/exporter.ts';
import { scrapeIn } from '../support/exposition.ts';
import { type Insight, insightEnvironment, insightOf } from '../support/insight.ts';
import { contradictions, tellContradiction } from '../support/soak/contradictions.ts';
import { Findings } from '../support/soak/findings.ts';
import { LINKS, planBlocks } from '../support/soak/plan.ts';
import { Recorder } from '../support/soak/recorder.ts';
import { runBlock } from '../support/soak/run-block.ts';
import { ScrapeWatch } from '../support/soak/scrape-watch.ts';
import { type StateWatch, watchStates } from '../support/states.ts';

// The faults that are not among these: a restart of the exporter would lose what is compared at the end, a restart of the
// server needs servers that can be started again (a block may end by killing the server's program), the clock step needs an
// exporter under libfaketime, and the overrun stops it for seconds. They have tests of their own.

const minutes = Number(process.env.MPTCP_TEST_SOAK_MINUTES ?? 1.5);
const isLong = minutes > 5;
/** Short runs repeat what is known to pass; long ones look for what is not. */
const seed = Number(process.env.MPTCP_TEST_SOAK_SEED ?? (isLong ? Math.floor(Math.random() * 2 ** 31) : 20_261));

/** Long runs are read afterwards: where their lines, looks and contradictions are kept. */
const findingsDirectory =
  process.env.MPTCP_TEST_SOAK_FINDINGS ?? (isLong ? join(tmpdir(), `mptcp-soak-${seed}`) : undefined);

/** Of a process that has settled, with its garbage collected: what V8 keeps for its next allocations, and compiled code. */
const RESIDENT_MARGIN_BYTES = 40e6;
const HEAP_MARGIN_BYTES = 6e6;
/** Closes are remembered for 5 s and two looks. */
const FORGOTTEN_WITHIN_MS = 30_000;
/** The kernel tries this long to close a connection properly whose other end it cannot reach (net.ipv4.tcp_orphan_retries). */
const CLOSED_WITHIN_MS = 180_000;
/** Blocks whose traffic could not be had. */
const MOST_BROKEN_BLOCKS = 0.2;

interface Holdings extends Insight {
  readonly sockets: number;
  readonly descriptors: number;
}

describeLive(`random faults for ${minutes} minutes (seed ${seed})`, () => {
  let lab: Lab;
  let exporter: RunningExporter;
  let watch: StateWatch;
  let findings: Findings;

  beforeAll(async () => {
    lab = await createLab({
      links: [
        { name: 'eth0', rateMbit: 10, delayMs: 5, endpoint: ['subflow'] },
        { name: 'wlan0', rateMbit: 8, delayMs: 10, endpoint: ['subflow'] },
        { name: 'lte0', rateMbit: 6, delayMs: 20, endpoint: ['subflow'] },
      ],
    });
    const prefix = lab.client.prefix;
    findings = new Findings(findingsDirectory);
    const env = findings.environment(insightEnvironment());
    ({ exporter, watch } = await watchStates({ prefix, env }));
  });
  afterAll(async () => {
    await exporter?.stop();
    await lab?.close();
  });

  /** Once nothing is left of the connections, as the kernel has it. */
  async function holdings(): Promise<Holdings> {
    const open = async () =>
      (await lab.client.exec('ss', ['-tinHO'])).split('\n').filter((line) => line.includes('tcp-ulp-mptcp'));
    await expect.poll(open, { timeout: CLOSED_WITHIN_MS, interval: 2000 }).toEqual([]);
    const left = async () => {
      const { openSubflows, rememberedCloses, judged } = await insightOf(exporter);
      return { openSubflows, rememberedCloses, subflows: judged?.subflows, connections: judged?.connections };
    };
    await expect
      .poll(left, { timeout: FORGOTTEN_WITHIN_MS, interval: 2000 })
      .toEqual({ openSubflows: 0, rememberedCloses: 0, subflows: 0, connections: 0 });
    const descriptors = (await scrapeIn(lab.client, exporter.url)).value('process_open_fds');
    return { ...(await insightOf(exporter)), sockets: openSockets(exporter.pid), descriptors };
  }

  it(
    'the states never contradict what was done to the links, and nothing is left of it all afterwards',
    async () => {
      const start = performance.now() / 1000;
      const told = (text: string) => {
        const line = `${(performance.now() / 1000 - start).toFixed(2).padStart(8)} s  ${text}`;
        console.log(line);
        findings.tell(line);
      };
      told(`seed ${seed}, begun at ${new Date(Date.now()).toISOString()}`);
      if (findingsDirectory !== undefined) told(`findings are kept in ${findingsDirectory}`);
      const found = new Map<string, string>();
      const tellContradictions = () => {
        for (const one of contradictions(recorder.record, watch.all, performance.now() / 1000)) {
          const key = `${one.path} ${one.from}`;
          if (!found.has(key)) {
            const looks = findings.contradiction(one.from, one.to);
            const history = historyOf(one.path, one.from, one.to);
            const kept = looks === undefined ? '' : `; looks in ${looks}`;
            told(`CONTRADICTION ${tellContradiction(one, start)}; ${history}${kept}`);
          }
          found.set(key, tellContradiction(one, start));
        }
      };
      const historyOf = (path: string, from: number, to: number) =>
        watch
          .history(path, from - 30)
          .filter(({ at }) => at <= to)
          .map(({ at, to: state, reasons }) => `${path} ${state} (${reasons}) at ${(at - start).toFixed(2)}`)
          .join(', ');
      const recorder = new Recorder(lab, exporter.pid, told);
      const [warmUp, ...blocks] = planBlocks(seed, 1000);
      expect(lab.links).toHaveLength(LINKS);
      if (warmUp !== undefined) await runBlock(lab, exporter, recorder, { ...warmUp, load: 'both', episodes: [] });
      const before = await holdings();
      const scrapes = new ScrapeWatch(lab.client, exporter.url);
      const until = start + 60 * minutes;
      let broken = 0;
      let run = 0;
      for (const block of blocks) {
        if (performance.now() / 1000 >= until) break;
        run++;
        const { load, from, healthy, connections, family, ending } = block;
        told(`block ${run}: ${JSON.stringify({ load, from, healthy, connections, family, ending })}`);
        try {
          await runBlock(lab, exporter, recorder, block);
          told(`block ${run} is over, and its connections are closed`);
        } catch (error) {
          broken++;
          told(`block broken off: ${error instanceof Error ? error.message : String(error)}`);
        }
        tellContradictions();
      }
      await scrapes.stop();
      const after = await holdings();
      recorder.stop();
      told(`seed ${seed}: ${run} blocks, ${broken} broken off, ${found.size} contradictions`);
      told(`faults: ${JSON.stringify(recorder.counts)}; late ${recorder.lateSeconds.toFixed(1)} s`);
      told(`${scrapes.count} scrapes; before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`);

      expect([...found.values()]).toEqual([]);
      expect(scrapes.complaints).toEqual([]);
      expect(broken).toBeLessThanOrEqual(MOST_BROKEN_BLOCKS * run);
      expect({ sockets: after.sockets, descriptors: after.descriptors }).toEqual({
        sockets: before.sockets,
        descriptors: before.descriptors,
      });
      expect(after.heapBytes - before.heapBytes).toBeLessThan(HEAP_MARGIN_BYTES);
      expect(after.residentBytes - before.residentBytes).toBeLessThan(RESIDENT_MARGIN_BYTES);

      // An unhandled rejection would have ended it with 1 and a stack that is no line of the log.
      const { status, stderr } = await exporter.stop();
      expect(status).toBe(0);
      const lines = stderr.trim().split('\n');
      expect(lines.filter((line) => !line.startsWith('{'))).toEqual([]);
      expect(lines.filter((line) => /"level":(50|60|"error"|"fatal")/.test(line))).toEqual([]);
    },
    (60 * minutes + 600) * 1000,
  );
});
