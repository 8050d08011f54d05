import { afterAll, beforeAll, expect, it } from 'vitest';
import { addition, endpointsOf, removal } from '../lab/faults/endpoints.ts';
import { applyFault } from '../lab/faults/faults.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeLive } from '../lab/vitest.ts';
import type { RunningExporter } from '../support/exporter.ts';
import { scrapeIn } from '../support/exposition.ts';
import { type StateWatch, watchStates } from '../support/states.ts';
import { saidOf } from '../support/truth/said.ts';

const HEALTHY = 'eth0';
const FAULTY = 'wlan0';

let lab: Lab;
let exporter: RunningExporter;
let watch: StateWatch;

const scrape = () => scrapeIn(lab.client, exporter.url);

/** Waits until both paths are up and move data. */
async function bothMove(): Promise<void> {
  const active = async (path: string) => (await scrape()).value('mptcp_path_subflows', { path, state: 'active' });
  for (const path of [HEALTHY, FAULTY]) {
    await watch.is(path, 'up');
    await expect.poll(() => active(path), { timeout: 10_000, interval: 300 }).toBeGreaterThan(0);
  }
}

/** Subflows from the client's address on the link that the server holds. */
async function serverSubflows(link: string): Promise<number> {
  const from = lab.client.address(link);
  const text = await lab.server.exec('ss', ['-tinHO', 'state', 'established', 'dst', from]);
  return text.split('\n').filter((line) => line.includes('tcp-ulp-mptcp')).length;
}

describeLive('the health of the paths of a client with two links', () => {
  beforeAll(async () => {
    lab = await createLab({
      links: [
        { name: HEALTHY, rateMbit: 12, delayMs: 5 },
        { name: FAULTY, rateMbit: 10, delayMs: 10 },
      ],
    });
    ({ exporter, watch } = await watchStates({ prefix: ['ip', 'netns', 'exec', lab.client.namespace] }));
  });
  afterAll(async () => {
    await exporter?.stop();
    await lab?.close();
  });

  it('a subflow that was reset is missed until the endpoint is removed and added again, as the page advises', async () => {
    const traffic = await lab.startTraffic({ bytes: 'unlimited' });
    try {
      await bothMove();
      // What the server still holds of the connection before would be taken for it.
      await expect.poll(() => serverSubflows(FAULTY), { timeout: 20_000, interval: 300 }).toBe(1);
      const { appliedAt } = await applyFault(lab, 'subflow-reset', FAULTY);
      const { at } = await watch.entered(FAULTY, 'missing', appliedAt, 1);
      console.log(`subflow reset: missing after ${(at - appliedAt).toFixed(2)} s`);
      expect(saidOf(await scrape(), FAULTY)).toEqual({ states: ['missing'], reasons: ['reset_by_peer'], up: 0 });
      const page = await lab.client.exec('curl', ['-sSf', `${exporter.url}/`]);
      expect(page).toContain('remove the path’s endpoint and add it again');
      const endpoints = await endpointsOf(lab, FAULTY);
      await lab.client.batch('ip', [...removal(endpoints), ...addition(FAULTY, endpoints)]);
      await watch.entered(FAULTY, 'up', appliedAt, 10);
      expect(watch.states(HEALTHY, appliedAt)).toEqual(['up']);
    } finally {
      await traffic.abort();
    }
  });

  it('joins that get no answer make the path missing, with that reason', async () => {
    const fault = await applyFault(lab, 'joins-dropped', FAULTY);
    try {
      const traffic = await lab.startTraffic({ bytes: 'unlimited', rateMbit: 2 });
      try {
        const { at } = await watch.entered(FAULTY, 'missing', fault.appliedAt, 8);
        console.log(`joins dropped: missing ${(at - fault.appliedAt).toFixed(2)} s later`);
        expect(saidOf(await scrape(), FAULTY)).toEqual({ states: ['missing'], reasons: ['join_unanswered'], up: 0 });
        expect(watch.states(HEALTHY, fault.appliedAt).at(-1)).toBe('up');
      } finally {
        await traffic.abort();
      }
    } finally {
      await fault.end();
    }
  });

  it('a middlebox that strips the options is told as fallback, where the server is known to speak MPTCP', async () => {
    const port = ['-p', '5300'];
    const listener = lab.server.spawn('mptcpize', ['run', 'iperf3', '-s', '-4', '--forceflush', ...port]);
    const client = (seconds: number) => {
      const to = ['-c', lab.server.address(FAULTY), '-B', lab.client.address(FAULTY), '-t', String(seconds)];
      return lab.client.spawn('mptcpize', ['run', 'iperf3', ...port, ...to, '-b', '2M']);
    };
    try {
      await listener.waitForLine(/Server listening/);
      await client(3).exited;
      const fault = await applyFault(lab, 'options-stripped', FAULTY);
      const running = client(20);
      const startedAt = performance.now() / 1000;
      try {
        const { at } = await watch.entered(FAULTY, 'degraded', startedAt, 2);
        console.log(`options stripped: degraded after ${(at - startedAt).toFixed(2)} s`);
        const look = await scrape();
        expect(saidOf(look, FAULTY)).toEqual({ states: ['degraded'], reasons: ['fallback'], up: 1 });
        expect(look.value('mptcp_connections', { state: 'fallback' })).toBeGreaterThan(0);
      } finally {
        await running.stop('SIGKILL');
        await fault.end();
      }
    } finally {
      await listener.stop('SIGKILL');
    }
  });
});
