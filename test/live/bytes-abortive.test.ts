import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeLive } from '../lab/vitest.ts';
import { type BothEnds, ENDS, startBothEnds, untilClosed } from '../support/both-ends.ts';
import { pathGrowth, pathNames, sentOnce, together } from '../support/path-bytes.ts';

const CONNECTIONS = 4;
/** Of one connection in one direction. */
const RATE_MBIT = 8;
const SEGMENT_BYTES = 1428;
const TOLERANCE = 0.001;

describeLive('connections that end abruptly while they move data both ways', () => {
  let lab: Lab;
  let ends: BothEnds;

  beforeAll(async () => {
    lab = await createLab({
      links: [
        { name: 'eth0', rateMbit: 50, delayMs: 5 },
        { name: 'wlan0', rateMbit: 50, delayMs: 10 },
      ],
    });
    ends = await startBothEnds(lab);
  });
  afterAll(async () => {
    await ends?.stop();
    await lab?.close();
  });

  it.each([
    ['by fastclose, with data unread,', 'abandon', 'client'],
    ['by fastclose, with data unread,', 'abandon', 'server'],
    ['by a reset (SO_LINGER 0)', 'reset', 'client'],
    ['by a reset (SO_LINGER 0)', 'reset', 'server'],
    ['because their process is killed', 'kill', 'client'],
    ['because their process is killed', 'kill', 'server'],
  ] as const)(
    '%s (%s) from the %s: no more is missing than moved since the last look, and what is missing is counted',
    async (_, how, closer) => {
      const before = await ends.scrape();
      const traffic = await lab.startTraffic({
        bytes: 'unlimited',
        connections: CONNECTIONS,
        direction: 'both',
        rateMbit: RATE_MBIT,
        closer,
      });
      await sleep(1200);
      const moved = await traffic.progress();
      const look = await ends.scrape();
      const counts = await traffic.abort(how);
      const after = await untilClosed(ends, before);

      for (const end of ENDS) {
        const other = end === 'client' ? 'server' : 'client';
        const growth = (from: typeof before, to: typeof before) =>
          together(pathNames(to[end]).map((path) => pathGrowth(from[end], to[end], path)));
        const atLook = growth(before, look);
        const told = growth(before, after);
        expect(atLook.received, 'a look shows what the application had received before').toBeGreaterThanOrEqual(
          moved[end].received,
        );
        expect(sentOnce(atLook), 'a look shows what the other application had received before').toBeGreaterThanOrEqual(
          moved[other].received,
        );
        for (const counter of ['sent', 'received'] as const) {
          expect(told[counter], `${counter} at the ${end} is not less than at the last look`).toBeGreaterThanOrEqual(
            atLook[counter],
          );
        }
        expect(told.closed).toBe(told.established);
        expect(told.established).toBe(2 * CONNECTIONS);

        // A killed process can count no more; what it had received before the look is known.
        const received = Math.max(counts[end].received, moved[end].received);
        const delivered = Math.max(counts[other].received, moved[other].received);
        const missing = { received: received - told.received, sent: delivered - sentOnce(told) };
        console.log(
          `${how} from the ${closer}, at the ${end}: missing ${missing.received} of ${received} B received and ` +
            `${missing.sent} of ${delivered} B sent (${received - moved[end].received} and ` +
            `${delivered - moved[other].received} B moved since the last look), ${told.unaccounted} of ${told.closed} closes unaccounted`,
        );
        expect(missing.received).toBeLessThanOrEqual(received - moved[end].received);
        expect(missing.sent).toBeLessThanOrEqual(delivered - moved[other].received);
        expect(told.unaccounted).toBeLessThanOrEqual(told.closed);
        if (told.unaccounted === 0) {
          expect(Math.max(missing.received, missing.sent), 'missing and not counted').toBeLessThanOrEqual(0);
        }

        const duplicates =
          after[end].value('mptcp_mib_duplicate_data_total') - before[end].value('mptcp_mib_duplicate_data_total');
        const given = how === 'kill' && other === closer ? Number.POSITIVE_INFINITY : counts[other].sent;
        const most = given + duplicates * SEGMENT_BYTES;
        expect(told.received, 'never more than was sent').toBeLessThanOrEqual((1 + TOLERANCE) * most);
      }
    },
  );
});
