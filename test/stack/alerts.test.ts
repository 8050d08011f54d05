import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppliedFault } from '../lab/faults/fault.ts';
import { applyFault, type FaultName } from '../lab/faults/faults.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import type { LinkSpec } from '../lab/links.ts';
import { describeLive } from '../lab/vitest.ts';
import { type Alerting, alertingUnavailable, startAlerting } from '../support/alerting/alerting.ts';

/** Of traffic without a fault; ten minutes by hand: MPTCP_TEST_HEALTHY_SECONDS=600. */
const HEALTHY_SECONDS = Number(process.env.MPTCP_TEST_HEALTHY_SECONDS ?? 120);
const TOLD_SECONDS = 20;
const MISSING_TOLD_SECONDS = 30;
const ENDED_SECONDS = 60;

/** A fault on one path, and the alert that must tell of it. */
interface Case {
  readonly fault: FaultName;
  readonly path: string;
  readonly alert: string;
  readonly reason: string;
  readonly withinSeconds: number;
}

const CASES: readonly Case[] = [
  { fault: 'carrier-lost', path: 'wlan0', alert: 'MptcpPathDown', reason: 'carrier_lost', withinSeconds: TOLD_SECONDS },
  {
    fault: 'blackhole',
    path: 'wwan0',
    alert: 'MptcpPathStalled',
    reason: 'no_acknowledgements',
    withinSeconds: TOLD_SECONDS,
  },
  {
    fault: 'endpoint-deleted',
    path: 'usb0',
    alert: 'MptcpPathMissing',
    reason: 'endpoint_removed',
    withinSeconds: MISSING_TOLD_SECONDS,
  },
];

const seconds = () => performance.now() / 1000;

/** A lab with all of the alerting in it, for as long as the tests around run. */
function labWithAlerting(links: readonly LinkSpec[]): { readonly lab: Lab; readonly alerting: Alerting } {
  const made: { lab?: Lab; alerting?: Alerting } = {};
  beforeAll(async () => {
    made.lab = await createLab({ links });
    made.alerting = await startAlerting(made.lab);
    await made.lab.startTraffic({ bytes: 'unlimited' });
    const moving = `count(mptcp_path_subflows{state="active"} > 0)`;
    const deadline = seconds() + 60;
    while ((await made.alerting.prometheus.query(moving))[0]?.values[0] !== links.length) {
      if (seconds() > deadline) throw new Error('not all paths move data');
      await sleep(500);
    }
    // A check of a path may have been made just now: the next may wait for 5 s (docs/health.md).
    await sleep(5000);
  }, 150_000);
  afterAll(async () => {
    await made.alerting?.exporter.stop();
    await made.lab?.close();
  });
  const there = <T>(one: T | undefined): T => {
    if (one === undefined) throw new Error('the lab is not there yet');
    return one;
  };
  return {
    get lab() {
      return there(made.lab);
    },
    get alerting() {
      return there(made.alerting);
    },
  };
}

/** Every message that people got, as `alert path status`. */
const told = ({ notices }: Alerting) => notices.map(({ alert, path = 'all', status }) => `${alert} ${path} ${status}`);

/** Ends the faults, and gives when. */
async function endAll(faults: readonly AppliedFault[]): Promise<number> {
  const at = seconds();
  await Promise.all(faults.map((fault) => fault.end()));
  return at;
}

/** Nothing went wrong behind the alerts' back. */
async function expectSoundRules({ prometheus, heartbeats }: Alerting): Promise<void> {
  expect(await prometheus.value('sum(prometheus_rule_evaluation_failures_total)')).toBe(0);
  expect(await prometheus.value('sum(prometheus_notifications_errors_total)')).toBe(0);
  expect(heartbeats()).toBeGreaterThan(0);
  expect(await prometheus.query('ALERTS{alertstate="firing", alertname!="Watchdog"}')).toEqual([]);
}

const measured = (what: string, told: number, ended: number) =>
  console.log(`${what}: told after ${told.toFixed(1)} s, its end after ${ended.toFixed(1)} s`);

describeLive(
  'with the shipped configuration, what happens to a path reaches a receiver',
  () => {
    describe.concurrent('one path of four', () => {
      const stage = labWithAlerting([
        { name: 'eth0', rateMbit: 3 },
        { name: 'wlan0', rateMbit: 3 },
        { name: 'wwan0', rateMbit: 3, delayMs: 10 },
        { name: 'usb0', rateMbit: 3 },
      ]);

      it.sequential('a lost carrier, a blackhole and a missing subflow, once each, with path and reason, and their ends', async ({
        expect,
      }) => {
        const { lab, alerting } = stage;
        // From before the fault is made: its commands take their time on a busy machine.
        const begunAt = seconds();
        const faults = await Promise.all(CASES.map(({ fault, path }) => applyFault(lab, fault, path)));
        const begun = await Promise.all(
          CASES.map(({ alert, path, withinSeconds }) => alerting.awaitNotice(alert, 'firing', path, withinSeconds + 5)),
        );
        const endedAt = await endAll(faults);
        const ended = await Promise.all(
          CASES.map(({ alert, path }) => alerting.awaitNotice(alert, 'resolved', path, ENDED_SECONDS + 5)),
        );
        CASES.forEach(({ fault, reason, withinSeconds }, index) => {
          const [notice, end] = [begun[index], ended[index]];
          const [after, endAfter] = [(notice?.at ?? 0) - begunAt, (end?.at ?? 0) - endedAt];
          measured(fault, after, endAfter);
          expect(notice, fault).toMatchObject({ severity: 'warning', reason });
          expect(notice?.description, fault).toContain(reason);
          expect(after, fault).toBeLessThan(withinSeconds);
          expect(endAfter, fault).toBeLessThan(ENDED_SECONDS);
        });
        const once = CASES.flatMap(({ alert, path }) => [`${alert} ${path} firing`, `${alert} ${path} resolved`]);
        expect(told(alerting).sort()).toEqual(once.sort());
      }, 150_000);

      it.sequential(
        `${HEALTHY_SECONDS} s of healthy traffic with short connections send nothing but the Watchdog`,
        async ({ expect }) => {
          const { lab, alerting } = stage;
          const [before, beats] = [alerting.notices.length, alerting.heartbeats()];
          const deadline = seconds() + HEALTHY_SECONDS;
          for (let seed = 1; seconds() < deadline; seed++) {
            const direction = seed % 2 === 0 ? 'up' : 'down';
            await lab.transfer({
              bytes: { least: 2000, most: 100_000, seed },
              connections: 100,
              atATime: 4,
              rateMbit: 0.5,
              direction,
              timeoutMs: 120_000,
            });
            await sleep(1000);
          }
          expect(alerting.notices.slice(before)).toEqual([]);
          expect(alerting.heartbeats()).toBeGreaterThan(beats);
          await expectSoundRules(alerting);
        },
        1000 * HEALTHY_SECONDS + 150_000,
      );
    });

    describe.concurrent('both paths', () => {
      const stage = labWithAlerting([
        { name: 'eth0', rateMbit: 3 },
        { name: 'wlan0', rateMbit: 3, delayMs: 10 },
      ]);

      it.sequential('one lost its carrier, one lets nothing through: told as one, once, and its end', async ({
        expect,
      }) => {
        const { lab, alerting } = stage;
        const begunAt = seconds();
        const faults = await Promise.all([
          applyFault(lab, 'carrier-lost', 'eth0'),
          applyFault(lab, 'blackhole', 'wlan0'),
        ]);
        const notice = await alerting.awaitNotice('MptcpAllPathsDown', 'firing', undefined, TOLD_SECONDS + 5);
        await sleep(5000);
        const endedAt = await endAll(faults);
        const end = await alerting.awaitNotice('MptcpAllPathsDown', 'resolved', undefined, ENDED_SECONDS + 5);
        measured('all paths down', notice.at - begunAt, end.at - endedAt);
        expect(notice.severity).toBe('critical');
        expect(notice.reason).toMatch(/^eth0 carrier_lost, wlan0 no_acknowledgements/);
        expect(notice.at - begunAt).toBeLessThan(TOLD_SECONDS);
        expect(end.at - endedAt).toBeLessThan(ENDED_SECONDS);
        // Long enough for what was held back to come after all.
        await sleep(30_000);
        expect(told(alerting)).toEqual(['MptcpAllPathsDown all firing', 'MptcpAllPathsDown all resolved']);
        await expectSoundRules(alerting);
      }, 180_000);
    });
  },
  alertingUnavailable,
);
