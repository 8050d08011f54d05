import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import type { TransferResult } from '../lab/traffic/traffic.ts';
import { describeLive } from '../lab/vitest.ts';
import { type BothEnds, ENDS, type End, startBothEnds, untilClosed } from '../support/both-ends.ts';
import type { Scrape } from '../support/exposition.ts';
import { type PathBytes, pathGrowth, sentOnce, together } from '../support/path-bytes.ts';

// What a path carries is what the application counted, plus what MPTCP sent again on another subflow: a path that failed,
// and every join that comes too late for a short connection, has the kernel send all that is unacknowledged once more. That
// is payload of the path, which a bill holds too, so it is not taken off the path but asked of the sending sockets
// themselves (`carried`), and it may not be more than what the receiving kernel counted as duplicate. When one side closes
// first, some of it may be under way: those subflows are reset, and it is lost, which sent bytes hold and neither acknowledged
// nor received ones do. So what the sender's paths lost may be missing at either end. The SYN and FIN that acknowledged and
// received bytes count are 3 of about 150,000 bytes of a subflow.

const LINKS = ['eth0', 'wlan0'] as const;
const SIZES = { least: 16_000, most: 1_000_000, seed: 20_260 };
/** Of each row of the table, which has four. */
const CONNECTIONS = 250;
const AT_A_TIME = 10;
const SAMPLING_SECONDS = 1;
/** Most payload in a segment of 1500 bytes with timestamps and a data sequence mapping. */
const SEGMENT_BYTES = 1428;
const TOLERANCE = 0.001;
const LOST = 0.005;
/** Connections whose initial subflow ends before them, by a reset: the kernel zeroes its last notification. */
const ZEROED = 0.01;

type Scrapes = Readonly<Record<End, Scrape>>;

const percent = (share: number): string => `${(100 * share).toFixed(4)} %`;

/** What the connections of one end have sent twice, by their own sockets. */
const repeatedBy = ({ connections }: TransferResult[End]): number =>
  connections.reduce((sum, { sent, carried = sent }) => sum + carried - sent, 0);

describeLive('short connections, ten at a time over two links, while the exporter samples every second', () => {
  let lab: Lab;
  let netlink: BothEnds;
  let ss: BothEnds;

  beforeAll(async () => {
    lab = await createLab({
      links: [
        { name: 'eth0', rateMbit: 93, delayMs: 5 },
        { name: 'wlan0', rateMbit: 80, delayMs: 10 },
      ],
    });
    [netlink, ss] = await Promise.all([startBothEnds(lab), startBothEnds(lab, ['--source=ss'])]);
  });
  afterAll(async () => {
    await Promise.all([netlink?.stop(), ss?.stop()]);
    await lab?.close();
  });

  const grown = (before: Scrapes, after: Scrapes, end: End): readonly PathBytes[] =>
    LINKS.map((path) => pathGrowth(before[end], after[end], path));

  it.each([
    ['up', 'client'],
    ['up', 'server'],
    ['down', 'client'],
    ['down', 'server'],
  ] as const)(
    '%s, the %s closing first: both ends’ paths have what the applications counted',
    async (direction, closer) => {
      const [before, ssBefore] = await Promise.all([netlink.scrape(), ss.scrape()]);
      const result = await lab.transfer({
        bytes: SIZES,
        connections: CONNECTIONS,
        atATime: AT_A_TIME,
        direction,
        closer,
      });
      const after = await untilClosed(netlink, before);
      const ssAfter = await ss.scrape();
      const lasting = result.client.connections.filter(({ seconds }) => seconds > SAMPLING_SECONDS);
      expect(lasting.length, 'connections that outlasted the sampling interval').toBeLessThan(CONNECTIONS / 100);

      const [sender, receiver] = direction === 'up' ? (['client', 'server'] as const) : (['server', 'client'] as const);
      const unasked = result[sender].connections.filter(({ carried }) => carried === undefined);
      expect(unasked, 'connections whose socket could not be asked').toEqual([]);
      const repeated = repeatedBy(result[sender]);
      const growth = { client: grown(before, after, 'client'), server: grown(before, after, 'server') };
      const lostBy = (end: End) => {
        const paths = together(growth[end]);
        return sentOnce(paths) - paths.acknowledged;
      };
      for (const end of ENDS) {
        const counted = result[end].sent + result[end].received;
        const paths = together(growth[end]);
        const told = paths.acknowledged + paths.received;
        const lost = lostBy(end);
        const bySs = together(grown(ssBefore, ssAfter, end));
        const toldBySs = bySs.acknowledged + bySs.received;
        console.log(
          `${direction}, ${closer} closes, at the ${end}: applications ${counted} B, paths ${percent(told / counted - 1)} more, ` +
            `${percent((told - repeated) / counted - 1)} without what MPTCP sent twice (${repeated} B, with ${lostBy(sender)} B that were lost); ` +
            `--source=ss misses ${percent(1 - (toldBySs - repeated) / counted)}, ${bySs.unaccounted} closes unaccounted`,
        );
        const against = `the ${end}’s paths against its application`;
        expect(told - repeated - counted, against).toBeLessThanOrEqual(TOLERANCE * counted);
        expect(told - repeated - counted + Math.max(0, lostBy(sender)), against).toBeGreaterThanOrEqual(
          -TOLERANCE * counted,
        );
        expect(lost, 'sent, and lost with a subflow that was reset').toBeLessThanOrEqual(LOST * counted);
        expect(lost, 'but for SYN and FIN').toBeGreaterThanOrEqual(-2 * paths.established);
        expect(paths.closed, `the ${end}’s subflows`).toBe(paths.established);
        expect(paths.unaccounted, 'zeroed').toBeLessThanOrEqual(CONNECTIONS * ZEROED);
        expect(paths.established).toBeGreaterThan(1.2 * CONNECTIONS);

        for (const counter of ['sent', 'acknowledged', 'received', 'retransmitted'] as const) {
          expect(bySs[counter], `${counter} by ss at the ${end}`).toBeGreaterThanOrEqual(0);
          expect(bySs[counter], `${counter} by ss at the ${end}`).toBeLessThanOrEqual(paths[counter]);
        }
      }

      const duplicates =
        after[receiver].value('mptcp_mib_duplicate_data_total') -
        before[receiver].value('mptcp_mib_duplicate_data_total');
      const counted = result[receiver].received;
      expect(repeated).toBeGreaterThanOrEqual(0);
      expect(repeated, 'sent twice, by what the receiving kernel found duplicate').toBeLessThanOrEqual(
        duplicates * SEGMENT_BYTES + TOLERANCE * counted,
      );
      LINKS.forEach((path, index) => {
        const [sent, received] = [growth[sender][index], growth[receiver][index]];
        if (sent === undefined || received === undefined) throw new Error('unreachable');
        expect(sentOnce(sent), `${path} carries`).toBeGreaterThan(0.1 * counted);
        // Each subflow's FIN counts as one byte received; what was sent and got lost with its subflow did not arrive.
        const lost = Math.max(0, sentOnce(sent) - sent.acknowledged);
        expect(Math.abs(sentOnce(sent) - received.received), `${path} from end to end`).toBeLessThanOrEqual(
          TOLERANCE * counted + lost,
        );
      });
    },
  );
});
