import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { applyFault } from '../lab/faults/faults.ts';
import { describeLive } from '../lab/vitest.ts';
import type { Told, TruthEnds } from '../support/truth/ends.ts';
import { repeatedly } from '../support/truth/measurements.ts';
import { part, TIMEOUT } from '../support/truth/part.ts';
import { FAULTY, HEALTHY } from '../support/truth/paths.ts';

/** A sender that has lost much backs off for many seconds, and is as long in finding that nothing is lost any more. */
const LOSSY: Told = {
  state: 'degraded',
  reasons: ['high_loss'],
  withinSeconds: 15,
  backWithinSeconds: 40,
  alsoBe: ['stalled'],
};

const SLOW: Told = { state: 'degraded', reasons: ['high_rtt'], withinSeconds: 15, backWithinSeconds: 15 };

/** Neither end may say anything of any path from then on. */
function expectNoAlarm({ client, server }: TruthEnds, since: number): void {
  for (const { watch } of [client, server])
    for (const path of [HEALTHY, FAULTY]) expect([path, ...watch.states(path, since)]).toEqual([path, 'up']);
}

describeLive('a path that works badly is told, and one that is not used is left in peace', () => {
  part('loss, and idleness', (ends) => {
    it.sequential('30 % are lost while uploading', TIMEOUT, () =>
      ends().prove({ fault: 'loss', traffic: 'up', client: LOSSY, lastsSeconds: 1 }),
    );

    it.sequential('idle connections notice nothing of a blackhole', TIMEOUT, () =>
      repeatedly(async () => {
        const traffic = await ends().lab.startTraffic({ bytes: 1, connections: 20, hold: true });
        await ends().client.watch.is(FAULTY, 'up');
        await sleep(3000);
        const before = await ends().checks(FAULTY);
        const since = performance.now() / 1000;
        const fault = await applyFault(ends().lab, 'blackhole', FAULTY);
        try {
          await sleep(8000);
          expectNoAlarm(ends(), since);
          expect(await ends().checks(FAULTY)).toBe(before);
        } finally {
          await fault.end();
          await traffic.abort();
        }
      }),
    );
  });

  part('delay', (ends) => {
    it.sequential('the round trip takes 500 ms longer while uploading', TIMEOUT, () =>
      ends().prove({ fault: 'delay', traffic: 'up', client: SLOW, lastsSeconds: 1 }),
    );

    it.sequential('the round trip takes 500 ms longer while downloading, which the sending end tells', TIMEOUT, () =>
      ends().prove({ fault: 'delay', traffic: 'down', server: SLOW, lastsSeconds: 1 }),
    );
  });

  part('a rate cut', (ends) => {
    it.sequential.each(['up', 'down'] as const)(
      'a rate cut to a tenth is no fault, and shows in the throughput, %sloading',
      TIMEOUT,
      (direction) =>
        repeatedly(async () => {
          const family = `mptcp_path_${direction === 'up' ? 'send' : 'receive'}_throughput_bytes_per_second`;
          const rate = async () => (await ends().scrape()).value(family, { path: FAULTY });
          const traffic = await ends().lab.startTraffic({ bytes: 'unlimited', direction });
          try {
            await ends().bothMove();
            const before = await rate();
            const since = performance.now() / 1000;
            const fault = await applyFault(ends().lab, 'rate-cut', FAULTY);
            await sleep(5000);
            const cut = await rate();
            await fault.end();
            expect(cut).toBeLessThan(before / 4);
            await sleep(3000);
            expectNoAlarm(ends(), since);
          } finally {
            await traffic.abort();
          }
        }),
    );
  });

  // The scheduler takes the path with the least under way: on a quick one all is acknowledged before the next write.
  const links = [
    { name: HEALTHY, rateMbit: 8, delayMs: 0 },
    { name: FAULTY, rateMbit: 6, delayMs: 10 },
  ];
  const slow = (ends: () => TruthEnds) => {
    it.sequential('leaves its second path alone when it has its first again', TIMEOUT, () =>
      repeatedly(async () => {
        const { lab, client } = ends();
        const receives = async (path: string) =>
          (await ends().scrape()).value('mptcp_path_receive_throughput_bytes_per_second', { path }) > 1000;
        const soon = { timeout: 20_000, interval: 500 };
        const checked = await ends().checks(FAULTY);
        const traffic = await lab.startTraffic({ bytes: 'unlimited', direction: 'down', rateMbit: 0.3 });
        try {
          await vi.waitUntil(() => receives(HEALTHY), soon);
          const since = performance.now() / 1000;
          const outage = await applyFault(lab, 'blackhole', HEALTHY);
          await sleep(4000);
          await outage.end();
          // A first check tells that the silence has been noticed.
          await vi.waitUntil(async () => (await ends().checks(FAULTY)) > checked, { ...soon, timeout: 30_000 });
          await sleep(10_000);
          expect(client.watch.states(FAULTY, since)).toEqual(['up']);
          expect(client.watch.state(HEALTHY)).toBe('up');
          expect(await ends().checks(FAULTY, 'dead')).toBe(0);
          // At once, after 5 s and 10 s later.
          expect((await ends().checks(FAULTY)) - checked).toBeLessThanOrEqual(3);
        } finally {
          await traffic.abort();
        }
      }),
    );

    it.sequential('a server stops sending', TIMEOUT, () =>
      repeatedly(async () => {
        const before = await ends().checks(FAULTY);
        const since = performance.now() / 1000;
        const traffic = await ends().lab.startTraffic({ bytes: 3_000_000, direction: 'down', hold: true });
        try {
          await sleep(10_000);
          expectNoAlarm(ends(), since);
          expect((await traffic.progress()).client.received).toBe(3_000_000);
          // One path may end a little before the other.
          expect(await ends().checks(FAULTY)).toBeLessThanOrEqual(before + 1);
        } finally {
          await traffic.abort();
        }
      }),
    );
  };
  part('a slow stream, and a finished one', slow, links);
});
