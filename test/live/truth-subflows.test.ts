import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { faultsUnavailable } from '../lab/available.ts';
import { addition, endpointDeleted, endpointsOf, limitsReached, removal, renumbered } from '../lab/faults/endpoints.ts';
import type { AppliedFault } from '../lab/faults/fault.ts';
import { addressChanged, interfaceRemoved, interfaceRenamed } from '../lab/faults/interface.ts';
import { subflowReset } from '../lab/faults/reset.ts';
import { labDirectory } from '../lab/registry.ts';
import { describeLive } from '../lab/vitest.ts';
import { watchStates } from '../support/states.ts';
import { ending, isTrouble, type Told, type TruthCase, TruthClient, within } from '../support/truth/client.ts';
import { RUNS } from '../support/truth/measurements.ts';
import { FAULTY, HEALTHY, seconds } from '../support/truth/paths.ts';
import { saidOf } from '../support/truth/said.ts';

const CASE = { timeout: RUNS * 60_000 };

let client: TruthClient;

/** Removes the path's endpoints and adds them again, as the page advises; gives the moment before. */
async function renewEndpoints(): Promise<number> {
  const { lab } = client;
  const at = seconds();
  const endpoints = await endpointsOf(lab, FAULTY);
  await lab.client.batch('ip', [...removal(endpoints), ...addition(FAULTY, renumbered(endpoints))]);
  return at;
}

/** A fault of a connection that uses both paths. */
function underTraffic(
  fault: string,
  told: Told,
  apply: () => Promise<AppliedFault>,
  more: Partial<Pick<TruthCase, 'during' | 'end'>> = {},
): TruthCase {
  let applied: AppliedFault | undefined;
  return {
    fault,
    told,
    before: async () => {
      await client.startTraffic();
      await client.allMove();
      // The looks out of turn that a new connection takes up are bounded: the next may have to wait.
      await sleep(1000);
    },
    apply: async () => {
      applied = await apply();
      return applied.appliedAt;
    },
    end: () => ending(applied),
    ...more,
  };
}

describeLive(
  'what becomes of subflows is told of their path, in time and with its reason, and so is its end',
  () => {
    beforeAll(async () => {
      client = await TruthClient.open();
    });
    afterAll(async () => client?.[Symbol.asyncDispose]());

    it('a reset, until the endpoint is removed and added again, as the page advises', CASE, () =>
      client.prove('client', () =>
        underTraffic(
          'subflow-reset',
          { state: 'missing', reason: 'reset_by_peer', withinSeconds: 1, backWithinSeconds: 2 },
          () => subflowReset(client.lab, FAULTY),
          {
            during: async () => {
              expect(await client.page()).toContain('remove the path’s endpoint and add it again');
            },
            end: renewEndpoints,
          },
        ),
      ),
    );

    it('an endpoint that is deleted, until it is there again', CASE, () =>
      client.prove('client', () =>
        underTraffic(
          'endpoint-deleted',
          { state: 'missing', reason: 'endpoint_removed', withinSeconds: 1, backWithinSeconds: 2 },
          () => endpointDeleted(client.lab, FAULTY),
        ),
      ),
    );

    it('an address that changed and left its endpoint behind, until the old one is back', CASE, () =>
      client.prove('client', () =>
        underTraffic(
          'address-changed, endpoint stays',
          { state: 'down', reason: 'address_changed', withinSeconds: 1, backWithinSeconds: 5 },
          () => addressChanged(client.lab, FAULTY, 'stays'),
        ),
      ),
    );

    it(
      'an address that changed and took its endpoint along is no trouble: the path goes on with the new one',
      CASE,
      async () => {
        for (let run = 0; run < RUNS; run++) {
          await client.startTraffic();
          await client.allMove();
          const begunAt = seconds();
          const fault = await addressChanged(client.lab, FAULTY);
          try {
            const onPath = async () =>
              (await client.scrape())
                .samples('mptcp_subflow_info')
                .filter(({ labels }) => labels.path === FAULTY)
                .map(({ labels }) => labels.local?.split(':')[0]);
            await vi.waitUntil(async () => (await onPath()).includes(fault.address), { timeout: 2000, interval: 50 });
            await sleep(2000);
            await client.allMove();
          } finally {
            await fault.end();
          }
          await sleep(2000);
          for (const path of [FAULTY, HEALTHY]) expect(client.watch.states(path, begunAt), path).toEqual(['up']);
          await client.stopTraffic();
          await client.pace();
        }
      },
    );

    it('an interface that is pulled out, until it is plugged in again', CASE, () =>
      client.prove('client', () =>
        underTraffic(
          'interface-removed',
          { state: 'down', reason: 'interface_gone', withinSeconds: 1, backWithinSeconds: 5 },
          () => interfaceRemoved(client.lab, FAULTY),
        ),
      ),
    );

    it('limits at this end that leave no room, until they do', CASE, () =>
      client.prove('client', () =>
        client.forNewConnections(
          'limits-reached',
          { state: 'missing', reason: 'join_rejected', withinSeconds: 5, backWithinSeconds: 2 },
          () => limitsReached(client.lab),
        ),
      ),
    );

    it('limits of the server alone, which rejects the joins', CASE, () =>
      client.prove('client', () =>
        client.forNewConnections(
          'limits-reached, at the server',
          { state: 'missing', reason: 'join_rejected', withinSeconds: 5, backWithinSeconds: 2 },
          () => limitsReached(client.lab, 0, [client.lab.server]),
        ),
      ),
    );

    it(
      'a renamed interface goes on under its new name; with a path of the user’s name nothing changes at all',
      CASE,
      async () => {
        const { lab, watch } = client;
        const file = join(labDirectory(lab.id), 'named.yml');
        writeFileSync(file, JSON.stringify({ paths: [{ name: 'wifi', local: `${lab.client.address(FAULTY)}/24` }] }));
        const named = await watchStates(within(lab, { args: [`--config.file=${file}`] }));
        try {
          for (let run = 0; run < RUNS; run++) {
            await client.startTraffic();
            await client.allMove();
            await named.watch.is('wifi', 'up');
            const before = await client.scrape();
            const begunAt = seconds();
            const renamed = `renamed${run}`; // a path that comes again tells no change
            const fault = await interfaceRenamed(lab, FAULTY, renamed);
            try {
              const { at } = await watch.entered(renamed, 'up', begunAt, fault.appliedAt - begunAt + 1);
              client.measurements.add({
                fault: 'interface-renamed',
                end: 'client',
                told: '`up` under the new name',
                toldAfterSeconds: Math.max(0, at - fault.appliedAt),
              });
              const first = await client.scrape();
              await sleep(2000);
              const later = await client.scrape();
              const sent = (path: string) => later.value('mptcp_path_sent_bytes_total', { path });
              const moved = sent(renamed) - first.value('mptcp_path_sent_bytes_total', { path: renamed });
              expect(moved, 'bytes go on').toBeGreaterThan(200_000);
              expect(sent(FAULTY), 'what was sent before stays').toBeGreaterThanOrEqual(
                before.value('mptcp_path_sent_bytes_total', { path: FAULTY }),
              );
              expect(saidOf(later, FAULTY).up, 'no fault of the old name').not.toBe(0);
            } finally {
              await fault.end();
            }
            await client.allMove();
            for (const path of [HEALTHY, FAULTY, renamed]) {
              expect(watch.states(path, begunAt).filter(isTrouble), path).toEqual([]);
            }
            expect(named.watch.states('wifi', begunAt)).toEqual(['up']);
            await client.stopTraffic();
            await client.pace();
          }
        } finally {
          await named.exporter.stop();
        }
      },
    );
  },
  faultsUnavailable(),
);
