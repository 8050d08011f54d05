import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningExporter } from './exporter.ts';

const TOLD_WITHIN_MS = 10_000;

/** A time in which the event loop did not turn. */
export interface LoopBlock {
  readonly ms: number;
  /** Of these, how long the thread was ready and had no processor (schedstat): others' doing. */
  readonly waitedMs: number;
}

/** What is inside a running exporter after its garbage was collected. */
export interface Insight {
  readonly heapBytes: number;
  readonly residentBytes: number;
  /** Of the ledger; absent before the first look. */
  readonly openSubflows?: number;
  readonly rememberedCloses?: number;
  /** Of the health judgement. */
  readonly judged?: { readonly subflows: number; readonly connections: number; readonly paths: number };
  /** Timers that keep the program alive. */
  readonly timers: number;
  /** The longest that were its own doing, since it was asked last, the longest first; absent unless they are measured. */
  readonly blocks?: readonly LoopBlock[];
}

/** The environment of an exporter that can be asked by {@link insightOf}; `loop` has it measure its event loop, for some processor time. */
export const insightEnvironment = (loop = false): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--import=${new URL('insight.mjs', import.meta.url).href}`,
  ...(loop && { MPTCP_TEST_LOOP: '1' }),
});

/** Asks an exporter that was started with {@link insightEnvironment}, which collects its garbage for it. */
export async function insightOf(exporter: RunningExporter): Promise<Insight> {
  const told = () => exporter.log().match(/^\{"insight":.*\}$/gm) ?? [];
  const before = told().length;
  process.kill(exporter.pid, 'SIGUSR2');
  const deadline = performance.now() + TOLD_WITHIN_MS;
  for (;;) {
    const line = told()[before];
    if (line !== undefined) return (JSON.parse(line) as { insight: Insight }).insight;
    if (performance.now() > deadline) throw new Error(`the exporter told nothing within ${TOLD_WITHIN_MS} ms`);
    await sleep(20);
  }
}
