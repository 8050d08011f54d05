import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blackhole } from '../lab/faults/shaping.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import type { TrafficOptions } from '../lab/traffic/traffic.ts';
import { describeLive } from '../lab/vitest.ts';
import { type Alerting, alertingUnavailable, startAlerting } from '../support/alerting/alerting.ts';
import {
  annotationQueries,
  committedDashboards,
  type PanelQuery,
  queries,
  variableQueries,
} from '../support/dashboard.ts';
import { Probing } from '../support/probing.ts';
import type { Prometheus } from '../support/prometheus.ts';

const PATHS = ['eth0', 'wlan0', 'wwan0'];
/** The path that fails. */
const FAULTY = 'wlan0';

/** Little enough to leave the machine to the tests beside, and of every kind: both ways, both families, short, idle, fallen back. */
const TRAFFIC: readonly TrafficOptions[] = [
  { bytes: 'unlimited' },
  { bytes: 'unlimited', direction: 'down', family: 6, rateMbit: 2 },
  { bytes: 1, hold: true, connections: 2 },
  { bytes: 'unlimited', server: 'tcp', rateMbit: 0.2 },
  { bytes: 20_000, connections: 60, atATime: 1, rateMbit: 0.2, timeoutMs: 200_000 },
];

/** One probe of each kind: rounds of a few seconds, again and again, with little to move. */
const probesTo = (server: string, { tokenFile, folder }: Probing) => `
probes:
  - {type: icmp, target: ${server}, interval: 2s}
  - {type: udp, target: ${server}, interval: 2s, token_file: ${tokenFile}}
  - {type: throughput, target: ${server}, interval: 40s, duration: 1s, token_file: ${tokenFile}}
  - {type: transfer, target: ${server}, interval: 40s, sizes: [16kB], token_file: ${tokenFile}}
probe_budget:
  day: 500MB
  state_file: ${folder}/budget.json
`;

/** Annotations that nothing in the lab can bring about. */
const UNCHANGED: Readonly<Record<string, string>> = {
  'Scheduler changed': 'the kernel has no second scheduler',
};

/** Sample values that a query gave: in how many series, and whether any was a number. */
type Answer = 'data' | 'no data' | Error;

interface Asked extends PanelQuery {
  readonly file: string;
  readonly answers: Answer[];
}

const DASHBOARDS = [...committedDashboards()];

const ask = (file: string, query: PanelQuery): Asked => ({ ...query, file, answers: [] });
const withAll = DASHBOARDS.flatMap(([file, dashboard]) => queries(dashboard).map((query) => ask(file, query)));
/** As a click on the faulty path in a table opens it. */
const withOne = DASHBOARDS.filter(([file]) => file === 'path.json').flatMap(([file, dashboard]) =>
  queries(dashboard, { job: 'mptcp', instance: 'local', path: FAULTY }).map((query) => ask(file, query)),
);
const events = DASHBOARDS.slice(0, 1).flatMap(([file, dashboard]) =>
  annotationQueries(dashboard).map((query) => ask(file, query)),
);

async function answer(prometheus: Prometheus, { expr, instant }: PanelQuery): Promise<Answer> {
  try {
    const series = instant ? await prometheus.query(expr) : await prometheus.queryRange(expr, 120);
    return series.some(({ values }) => values.some(Number.isFinite)) ? 'data' : 'no data';
  } catch (error) {
    return error as Error;
  }
}

const name = ({ file, panel, refId }: Asked) => `${file}: ${panel} ${refId}`;
const mustHave = (asked: readonly Asked[]) =>
  asked.filter(({ mayBeEmpty }) => mayBeEmpty === undefined).map((query) => [name(query), query] as const);

describeLive(
  'every dashboard on a real Prometheus, after traffic and probes over three links of which one went dead for a while',
  () => {
    let lab: Lab;
    let probing: Probing;
    let alerting: Alerting;
    let prometheus: Prometheus;

    /** Asks what has not been answered with data yet. */
    const askAll = async () => {
      for (const query of [...withAll, ...withOne, ...events]) {
        if (!query.answers.includes('data')) query.answers.push(await answer(prometheus, query));
      }
    };

    beforeAll(async () => {
      lab = await createLab({
        links: [
          { name: 'eth0', rateMbit: 4, delayMs: 5 },
          { name: 'wlan0', rateMbit: 3, delayMs: 10 },
          { name: 'wwan0', delayMs: 30, up: { rateMbit: 1.5 }, down: { rateMbit: 3 } },
        ],
      });
      probing = new Probing(lab);
      await probing.reflector();
      const configuration = probing.configurationFile(probesTo(lab.server.address('eth0'), probing));
      alerting = await startAlerting(lab, [`--config.file=${configuration}`]);
      prometheus = alerting.prometheus;
      for (const options of TRAFFIC) await lab.startTraffic(options);
      await prometheus.awaitScrapes(8);
      const fault = await blackhole(lab, FAULTY);
      await prometheus.awaitScrapes(5);
      // An endpoint that goes and comes is a change of the configuration.
      const endpoints = await lab.client.exec('ip', ['mptcp', 'endpoint', 'show']);
      const [, address = '', id = ''] = /^(\S+) id (\d+) .*dev wwan0/m.exec(endpoints) ?? [];
      await lab.client.exec('ip', ['mptcp', 'endpoint', 'delete', 'id', id]);
      await lab.client.exec('sysctl', ['-q', '-w', 'net.mptcp.pm_type=1']);
      await askAll();
      await fault.end();
      await prometheus.awaitScrapes(2);
      await lab.client.exec('sysctl', ['-q', '-w', 'net.mptcp.pm_type=0']);
      await lab.client.exec('ip', ['mptcp', 'endpoint', 'add', address, 'dev', 'wwan0', 'id', id, 'subflow']);
      await prometheus.awaitScrapes(6);
      await sleep(1000);
      await askAll();
    }, 240_000);
    afterAll(async () => {
      await alerting?.exporter.stop();
      await probing?.close();
      await lab?.close();
    });

    it.each(mustHave(withAll))('%s gives data', (_, { answers, expr }) => {
      expect(answers, expr).toContain('data');
    });

    it.each(mustHave(withOne))('%s gives data when only the faulty path is chosen', (_, { answers, expr }) => {
      expect(answers, expr).toContain('data');
    });

    it.each(mustHave(events))('%s marks what happened', (_, { panel, answers, expr }) => {
      expect(answers, expr).toContain(panel in UNCHANGED ? 'no data' : 'data');
    });

    it('no query that may be empty is refused', () => {
      const excused = [...withAll, ...withOne].filter(({ mayBeEmpty }) => mayBeEmpty !== undefined);
      for (const query of excused) {
        for (const given of query.answers) expect(['data', 'no data'], name(query)).toContain(given);
      }
      const reasons = new Map(excused.map(({ mayBeEmpty }) => [mayBeEmpty, 0]));
      for (const { mayBeEmpty } of excused) reasons.set(mayBeEmpty, (reasons.get(mayBeEmpty) ?? 0) + 1);
      console.log(
        `of ${withAll.length + withOne.length} queries may be empty: ${[...reasons].map(([reason, count]) => `${count} (${reason})`).join(', ')}`,
      );
    });

    describe.each(DASHBOARDS)('the variables of %s', (_, dashboard) => {
      it.each(variableQueries(dashboard).map(({ variable, selector, label }) => [variable, selector, label] as const))(
        '%s has its choices',
        async (variable, selector, label) => {
          const choices = await prometheus.labelValues(label, selector);
          if (variable === 'token') expect(choices.length).toBeGreaterThan(0);
          else expect(choices).toEqual({ job: ['mptcp'], instance: ['local'], path: PATHS }[variable]);
        },
      );
    });
  },
  alertingUnavailable,
);
