/**
 * Preloaded into an exporter under test (`NODE_OPTIONS=--import=…`, see insight.ts): on SIGUSR2 it tells what is inside, as one
 * line of JSON on standard error. With MPTCP_TEST_LOOP=1 it also measures how long the event loop is blocked.
 */
import { openSync, readSync, writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const TICK_MS = 1;
const KEPT_BLOCKS = 5;

// The exporter's own children inherit its environment.
const [, main = ''] = process.argv;
if (main.endsWith('/exporter/dist/main.js')) await watch(main);

async function watch(program) {
  const inside = (path) => import(new URL(`mptcp/${path}.js`, `file://${program}`).href);
  const [{ Ledger }, { Health }] = await Promise.all([inside('ledger'), inside('health/health')]);
  const ledger = catchInstance(Ledger.prototype, 'fold');
  const health = catchInstance(Health.prototype, 'observe');
  const blocked = process.env.MPTCP_TEST_LOOP === '1' ? watchLoop() : () => undefined;
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc');
  process.on('SIGUSR2', () => {
    const blocks = blocked();
    collectGarbage();
    blocked();
    const { heapUsed, rss } = process.memoryUsage();
    const insight = {
      heapBytes: heapUsed,
      residentBytes: rss,
      openSubflows: ledger()?.openSubflows,
      rememberedCloses: ledger()?.rememberedCloses,
      judged: health()?.held,
      timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length,
      blocks,
    };
    writeSync(2, `${JSON.stringify({ insight })}\n`);
  });
}

/** Keeps the object whose method is called; there is one of each. */
function catchInstance(prototype, method) {
  let instance;
  const original = prototype[method];
  prototype[method] = function (...args) {
    instance = this;
    return original.apply(this, args);
  };
  return () => instance;
}

/** The longest times in which the event loop did not turn, since the last call, each with how much of it the thread waited for a processor. */
function watchLoop() {
  const ownMs = ({ ms, waitedMs }) => ms - waitedMs;
  const schedstat = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  const text = Buffer.alloc(64);
  const waitedMs = () => Number(text.toString('latin1', 0, readSync(schedstat, text, 0, 64, 0)).split(' ')[1]) / 1e6;
  let blocks = [];
  let last = performance.now();
  let lastWaited = waitedMs();
  setInterval(() => {
    const now = performance.now();
    const waited = waitedMs();
    const block = { ms: now - last - TICK_MS, waitedMs: waited - lastWaited };
    if (blocks.length < KEPT_BLOCKS || ownMs(block) > ownMs(blocks[KEPT_BLOCKS - 1]))
      blocks = [...blocks, block].sort((a, b) => ownMs(b) - ownMs(a)).slice(0, KEPT_BLOCKS);
    [last, lastWaited] = [now, waited];
  }, TICK_MS).unref();
  return () => {
    const longest = blocks;
    blocks = [];
    [last, lastWaited] = [performance.now(), waitedMs()];
    return longest;
  };
}
