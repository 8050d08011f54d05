import { afterAll, beforeAll, expect, it } from 'vitest';
import { faultsUnavailable } from '../lab/available.ts';
import type { AppliedFault } from '../lab/faults/fault.ts';
import { capableDropped, joinsDropped, optionsStripped } from '../lab/faults/middlebox.ts';
import { describeLive } from '../lab/vitest.ts';
import type { Scrape } from '../support/exposition.ts';
import { type Told, type TruthCase, TruthClient } from '../support/truth/client.ts';
import { RUNS } from '../support/truth/measurements.ts';
import { FAULTY, HEALTHY } from '../support/truth/paths.ts';
import { SteadyServer } from '../support/truth/steady-server.ts';

const CASE = { timeout: RUNS * 60_000 };
let client: TruthClient;
let server: SteadyServer;

const mib = (look: Scrape, name: string) => look.value(`mptcp_mib_${name}_total`);

/** How much a counter of the kernel's has grown since `before`. */
async function grown(before: Scrape, name: string): Promise<number> {
  return mib(await client.scrape(), name) - mib(before, name);
}

/** What a middlebox on the faulty link does to new connections that join over it. */
function toJoins(fault: string, told: Told, apply: () => Promise<AppliedFault>): TruthCase {
  const common = client.forNewConnections(fault, told, apply);
  let before: Scrape;
  return {
    ...common,
    before: async () => {
      await common.before();
      before = await client.scrape();
    },
    // Once the fault has ended, the SYN that the kernel sends again may be answered after all.
    during: async (look) => {
      const growth = (name: string) => mib(look, name) - mib(before, name);
      expect(growth('mp_join_syn_tx') - growth('mp_join_syn_ack_rx'), 'joins that MPTCP did not answer').toBe(1);
    },
  };
}

/** What it does to connections over that link alone, with a server that is known to speak MPTCP. */
function toConnections(
  fault: string,
  told: Told,
  apply: () => Promise<AppliedFault>,
  during?: TruthCase['during'],
): TruthCase {
  let applied: AppliedFault | undefined;
  return {
    fault,
    told,
    before: async () => {
      // The other path is in use meanwhile.
      await client.startTraffic({ rateMbit: 2 });
      await client.allMove([HEALTHY]);
      await server.connect(FAULTY);
      await client.allMove([FAULTY]);
      await server.disconnect();
    },
    apply: async () => {
      applied = await apply();
      return server.connect(FAULTY);
    },
    end: async () => {
      await applied?.end();
      return server.connect(FAULTY);
    },
    ...(during !== undefined && { during }),
  };
}

describeLive(
  'what a middlebox does to MPTCP is told of its path, in time and with its reason, and so is its end',
  () => {
    beforeAll(async () => {
      client = await TruthClient.open();
      const { lab } = client;
      // Else one connection whose SYNs were dropped keeps the next hour's from trying MPTCP at all.
      await lab.client.exec('sysctl', ['-q', '-w', 'net.mptcp.blackhole_timeout=0']);
      server = await SteadyServer.open(lab);
    });
    afterAll(async () => client?.[Symbol.asyncDispose]());

    it('joins that get no answer', CASE, () =>
      client.prove('client', () =>
        toJoins(
          'joins-dropped',
          { state: 'missing', reason: 'join_unanswered', withinSeconds: 5, backWithinSeconds: 2 },
          () => joinsDropped(client.lab, FAULTY),
        ),
      ),
    );

    it('joins that plain TCP answers, since their options were removed', CASE, () =>
      client.prove('client', () =>
        toJoins(
          'options-stripped, from joins',
          { state: 'missing', reason: 'fallback', withinSeconds: 2, backWithinSeconds: 2 },
          () => optionsStripped(client.lab, FAULTY),
        ),
      ),
    );

    it('connections that fall back, since their options were removed', CASE, async () => {
      const before = await client.scrape();
      await client.prove('client', () =>
        toConnections(
          'options-stripped',
          { state: 'degraded', reason: 'fallback', withinSeconds: 2, backWithinSeconds: 2 },
          () => optionsStripped(client.lab, FAULTY),
          async (look) => expect(look.value('mptcp_connections', { state: 'fallback' })).toBeGreaterThan(0),
        ),
      );
      expect(await grown(before, 'mp_capable_fallback_synack')).toBe(RUNS);
    });

    it('connections that fall back, since their first SYNs got no answer', CASE, async () => {
      const before = await client.scrape();
      await client.prove('client', () =>
        toConnections(
          'capable-dropped',
          { state: 'degraded', reason: 'fallback', withinSeconds: 2, backWithinSeconds: 2 },
          () => capableDropped(client.lab, FAULTY),
        ),
      );
      expect(await grown(before, 'mp_capable_syntx_drop')).toBe(RUNS);
    });
  },
  faultsUnavailable(),
);
