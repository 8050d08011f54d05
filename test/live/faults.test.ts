import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faultsUnavailable } from '../lab/available.ts';
import { clockEnvironment } from '../lab/faults/clock.ts';
import { applyFault, FAULTS, type Fault, type FaultName } from '../lab/faults/faults.ts';
import { multicastOverrun } from '../lab/faults/overrun.ts';
import { subflowReset } from '../lab/faults/reset.ts';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { nodeProgram } from '../lab/node-program.ts';
import { LabProcess } from '../lab/process.ts';
import { labDirectory, processesIn } from '../lab/registry.ts';
import { describeLive } from '../lab/vitest.ts';
import { startExporter } from '../support/exporter.ts';
import { scrapeIn } from '../support/exposition.ts';
import { drained, FaultStage, LINK, receivedBy } from '../support/fault-stage.ts';

const CLI = new URL('../lab/cli.ts', import.meta.url);

/** Cases that take turns on a lab of their own, beside the other parts. */
function part(name: string, cases: (stage: () => FaultStage) => void): void {
  describe.concurrent(name, () => {
    let stage: FaultStage;
    beforeAll(async () => {
      stage = await FaultStage.open();
    });
    afterAll(() => stage?.lab.close());
    cases(() => stage);
  });
}

describeLive(
  'faults',
  () => {
    part('on a link', (stage) => {
      it.sequential('carrier-lost takes the interface down, with its IPv6 address and the traffic', () =>
        stage().underTraffic('carrier-lost', async () => {
          const found = await stage().interfaceAt();
          expect(found?.flags).not.toContain('UP');
          expect(found?.addresses).not.toContain(stage().lab.client.address(LINK, 6));
          await drained();
          expect((await receivedBy(stage().lab.server, () => sleep(500))).packets).toBe(0);
        }));

      it.sequential('cable-pulled takes the carrier and leaves the interface up, with its addresses', () =>
        stage().underTraffic('cable-pulled', async () => {
          const found = await stage().interfaceAt();
          expect(found?.flags).toContain('UP');
          expect(found?.flags).not.toContain('LOWER_UP');
          expect(found?.addresses).toContain(stage().lab.client.address(LINK));
          await drained();
          expect((await receivedBy(stage().lab.server, () => sleep(500))).packets).toBe(0);
        }));

      it.sequential('far-end-unplugged leaves a client behind a switch its carrier, and nothing comes back', () =>
        stage().underTraffic('far-end-unplugged', async () => {
          const behindSwitch = stage().lab.link(LINK).plan.emulation === 'vde';
          expect((await stage().interfaceAt())?.flags.includes('LOWER_UP')).toBe(behindSwitch);
          await drained();
          expect((await receivedBy(stage().lab.client, () => sleep(500))).packets).toBe(0);
        }));

      it.sequential.each(['up', 'down'] as const)(
        'blackhole is silent in both directions while traffic goes %s, and the connection goes on elsewhere',
        (direction) =>
          stage().underTraffic(
            'blackhole',
            async (traffic) => {
              await drained();
              const before = await traffic.progress();
              const [atServer, atClient] = await Promise.all([
                receivedBy(stage().lab.server, () => sleep(1000)),
                receivedBy(stage().lab.client, () => sleep(1000)),
              ]);
              expect([atServer.packets, atClient.packets]).toEqual([0, 0]);
              expect(await stage().linkCarries()).toBe(false);
              expect((await stage().interfaceAt())?.flags).toContain('LOWER_UP');
              // No end hears that the other is unreachable: neither by ICMP nor from its own neighbour table.
              expect(await stage().lab.client.exec('ip', ['neighbour', 'show', 'dev', LINK, 'nud', 'failed'])).toBe('');
              const receiver = direction === 'up' ? 'server' : 'client';
              const received = async () => (await traffic.progress())[receiver].received - before[receiver].received;
              await expect.poll(received, { timeout: 10_000 }).toBeGreaterThan(100_000);
            },
            direction,
          ),
      );

      it.sequential.each([
        ['blackhole-up', 'server', 'client'],
        ['blackhole-down', 'client', 'server'],
      ] as const)('%s silences the %s, and the %s still hears', (name, deaf, hearing) =>
        stage().underTraffic(name, async () => {
          await drained();
          const ping = (from: Host, to: Host) =>
            from.exec('sh', ['-c', `ping -n -c 5 -i 0.05 -W 1 ${to.address(LINK)} || true`]);
          const [atDeaf, atHearing] = await Promise.all([
            receivedBy(stage().lab[deaf], () => ping(stage().lab[hearing], stage().lab[deaf])),
            receivedBy(stage().lab[hearing], () => ping(stage().lab[deaf], stage().lab[hearing])),
          ]);
          expect(atDeaf.packets).toBe(0);
          expect(atHearing.packets).toBeGreaterThanOrEqual(5);
        }),
      );

      it.sequential('loss takes about 30 % in each direction', () =>
        stage().underTraffic('loss', async () => {
          const { sent, received } = await stage().lab.ping(LINK, { count: 120, intervalMs: 10 });
          // Half of the round trips; what the traffic's own queue drops comes on top.
          expect(received / sent).toBeGreaterThan(0.2);
          expect(received / sent).toBeLessThan(0.7);
        }));

      it.sequential('delay makes the round trip 500 ms longer', () =>
        stage().underTraffic('delay', async () => {
          const { rttMs } = await stage().lab.ping(LINK, { count: 4, intervalMs: 200 });
          expect(rttMs?.min).toBeGreaterThan(515);
          expect(rttMs?.min).toBeLessThan(900);
        }));

      it.sequential('rate-cut leaves a tenth of the rate', () =>
        stage().underTraffic('rate-cut', async () => {
          await drained();
          const startedAt = performance.now();
          const { bytes } = await receivedBy(stage().lab.server, () => sleep(1500));
          const mbit = (bytes * 8) / (performance.now() - startedAt) / 1000;
          expect(mbit).toBeGreaterThan(0.1);
          expect(mbit).toBeLessThan(1.5);
        }));

      it.sequential('add up on one link, and each takes back only its own', async () => {
        const before = stage().lab.link(LINK).shape;
        const loss = await applyFault(stage().lab, 'loss', LINK);
        const delay = await applyFault(stage().lab, 'delay', LINK);
        expect(stage().lab.link(LINK).shape.up).toMatchObject({ lossPercent: 30, delayMs: 260 });
        await loss.end();
        expect(stage().lab.link(LINK).shape.up).toMatchObject({ lossPercent: 0, delayMs: 260 });
        await delay.end();
        expect(stage().lab.link(LINK).shape).toEqual(before);
      });

      it.sequential('come from the command line on a lab that another process holds, and end after --seconds', async () => {
        const [node, ...args] = nodeProgram(CLI);
        const cli = new LabProcess(node, [
          ...args,
          'fault',
          'blackhole',
          LINK,
          '--seconds',
          '5',
          '--lab',
          stage().lab.id,
        ]);
        await cli.waitForLine(/blackhole on wlan0/);
        expect(stage().lab.link(LINK).shape.down.lossPercent).toBe(100);
        expect(await stage().linkCarries()).toBe(false);
        expect(await cli.exited).toMatchObject({ code: 0 });
        expect(stage().lab.link(LINK).shape.down.lossPercent).toBe(0);
        await stage().worksAsBefore();
      });

      it.sequential('end on the command line at a signal, too', async () => {
        const [node, ...args] = nodeProgram(CLI);
        const cli = new LabProcess(node, [...args, 'fault', 'carrier-lost', LINK, '--lab', stage().lab.id]);
        await cli.waitForLine(/Ctrl-C ends it/);
        expect((await stage().interfaceAt())?.flags).not.toContain('UP');
        expect(await cli.stop('SIGINT', 10_000)).toMatchObject({ code: 0, signal: null });
        await stage().worksAsBefore();
      });
    });

    part('on subflows, middleboxes and programs', (stage) => {
      // First, while there has been no traffic: a server holds subflows whose end it was not told of.
      it.sequential('say what is wrong with an unknown fault, an unknown link and none', async () => {
        await expect(applyFault(stage().lab, 'gremlins')).rejects.toThrow(
          'there is no fault "gremlins", only carrier-lost,',
        );
        await expect(applyFault(stage().lab, 'loss', 'wan9')).rejects.toThrow('the lab has no link "wan9"');
        await expect(applyFault(stage().lab, 'loss')).rejects.toThrow('which link? eth0 or wlan0');
        await expect(applyFault(stage().lab, 'endpoint-deleted', 'eth0')).rejects.toThrow('no endpoint on "eth0"');
        await expect(applyFault(stage().lab, 'subflow-reset', LINK)).rejects.toThrow('no established subflow');
      });

      it.sequential.each(['server', 'client'] as const)(
        'subflow-reset told to the %s ends one subflow for good, and the connection goes on',
        async (at) => {
          const traffic = await stage().fillBoth();
          const counter = at === 'server' ? 'MPRstRx' : 'MPRstTx';
          const resets = await stage().mib(counter);
          await subflowReset(stage().lab, LINK, at);
          await expect
            .poll(() => stage().subflows(), { timeout: 3000 })
            .not.toContain(stage().lab.client.address(LINK));
          expect((await stage().mib(counter)) - resets).toBe(1);
          const before = (await traffic.progress()).server.received;
          await expect
            .poll(async () => (await traffic.progress()).server.received - before, { timeout: 10_000 })
            .toBeGreaterThan(500_000);
          expect(await stage().subflows()).not.toContain(stage().lab.client.address(LINK));
          await traffic.abort();
          await stage().worksAsBefore();
        },
      );

      it.sequential('endpoint-deleted closes the subflow, and the same connection gets it back at the end', () =>
        stage().underTraffic('endpoint-deleted', async (_, fault) => {
          await expect
            .poll(() => stage().subflows(), { timeout: 3000 })
            .not.toContain(stage().lab.client.address(LINK));
          await fault.end();
          await expect.poll(() => stage().subflows(), { timeout: 5000 }).toContain(stage().lab.client.address(LINK));
        }));

      it.sequential('address-changed moves the link to a new address, and back at the end', () =>
        stage().underTraffic('address-changed', async (_, fault) => {
          const old = stage().lab.client.address(LINK);
          const address = '10.77.2.101';
          expect(fault.detail).toBe(`${old} is ${address} now`);
          const found = await stage().interfaceAt();
          expect(found?.addresses).toContain(address);
          expect(found?.addresses).not.toContain(old);
          await expect.poll(() => stage().subflows(), { timeout: 5000 }).toContain(address);
          await expect.poll(() => stage().subflows(), { timeout: 5000 }).not.toContain(old);
          await fault.end();
          expect((await stage().interfaceAt())?.addresses).not.toContain(address);
          await expect.poll(() => stage().subflows(), { timeout: 5000 }).not.toContain(address);
        }));

      it.sequential('interface-renamed gives it another name while it carries on', () =>
        stage().underTraffic('interface-renamed', async () => {
          expect(await stage().interfaceAt()).toBeUndefined();
          expect((await stage().interfaceAt(stage().lab.client, 'renamed2'))?.addresses).toContain(
            stage().lab.client.address(LINK),
          );
          await expect
            .poll(async () => (await receivedBy(stage().lab.server, () => sleep(200))).bytes, { timeout: 10_000 })
            .toBeGreaterThan(10_000);
        }));

      it.sequential('interface-removed takes it away, and it comes back with another index and the same shape', async () => {
        const before = await stage().interfaceAt();
        await stage().underTraffic('interface-removed', async () => {
          expect(await stage().interfaceAt()).toBeUndefined();
          await drained();
          expect((await receivedBy(stage().lab.server, () => sleep(500))).packets).toBe(0);
        });
        const after = await stage().interfaceAt();
        expect(after?.ifindex).not.toBe(before?.ifindex);
        expect(after?.addresses).toEqual(
          expect.arrayContaining([stage().lab.client.address(LINK), stage().lab.client.address(LINK, 6)]),
        );
        expect(await stage().lab.client.exec('tc', ['qdisc', 'show', 'dev', LINK])).toContain('rate 10Mbit');
        expect(await stage().lab.client.exec('ip', ['mptcp', 'endpoint', 'show'])).toContain(
          `${stage().lab.client.address(LINK)} id 1 subflow dev ${LINK}`,
        );
      });

      it.sequential('options-stripped makes a new connection over the link fall back, and leaves the old one alone', () =>
        stage().underTraffic('options-stripped', async (traffic) => {
          const before = await stage().mib('MPCapableFallbackSYNACK');
          const moved = (await traffic.progress()).server.received;
          const { server } = await stage().lab.transfer({ bytes: 100_000, link: LINK, from: LINK });
          expect(server.received).toBe(100_000);
          expect((await stage().mib('MPCapableFallbackSYNACK')) - before).toBe(1);
          expect(await stage().passedMiddlebox('options-stripped')).toBeGreaterThan(0);
          expect((await traffic.progress()).server.received).toBeGreaterThan(moved);
        }));

      it.sequential('joins-dropped leaves joins over the link unanswered, and connections over it alone', () =>
        stage().underTraffic('joins-dropped', async () => {
          const before = { sent: await stage().mib('MPJoinSynTx'), answered: await stage().mib('MPJoinSynAckRx') };
          const { server } = await stage().lab.transfer({ bytes: 300_000 });
          expect(server.received).toBe(300_000);
          expect(await stage().mib('MPJoinSynTx')).toBeGreaterThan(before.sent);
          expect(await stage().mib('MPJoinSynAckRx')).toBe(before.answered);
          expect(await stage().passedMiddlebox('joins-dropped')).toBeGreaterThan(0);
          const fallbacks = await stage().mib('MPCapableFallbackSYNACK');
          await stage().lab.transfer({ bytes: 1000, link: LINK, from: LINK });
          expect(await stage().mib('MPCapableFallbackSYNACK')).toBe(fallbacks);
        }));

      it.sequential('limits-reached keeps new connections from a second subflow', async () => {
        const limits = () => stage().lab.client.exec('ip', ['mptcp', 'limits', 'show']);
        const before = await limits();
        const fault = await applyFault(stage().lab, 'limits-reached');
        const joins = await stage().mib('MPJoinSynTx');
        await stage().lab.transfer({ bytes: 1_000_000 });
        expect(await stage().mib('MPJoinSynTx')).toBe(joins);
        await fault.end();
        expect(await limits()).toBe(before);
        await stage().worksAsBefore();
      });

      it.sequential('server-restart kills what listens at the server, and starts it again', async () => {
        const iperf3 = stage().lab.server.spawn('mptcpize', ['run', 'iperf3', '-s', '--forceflush', '-p', '5999']);
        await iperf3.waitForLine(/Server listening/);
        const connect = () =>
          stage().lab.client.exec('mptcpize', [
            'run',
            'iperf3',
            '-c',
            stage().lab.server.address('eth0'),
            '-p',
            '5999',
            '-t',
            '1',
          ]);
        const traffic = await stage().lab.startTraffic({ bytes: 'unlimited', rateMbit: 1 });
        const fault = await applyFault(stage().lab, 'server-restart');
        expect((await iperf3.exited).signal).toBe('SIGKILL');
        await expect(traffic.progress()).rejects.toThrow('ended');
        await expect(connect()).rejects.toThrow('Connection refused');
        await fault.end();
        await connect();
        await stage().worksAsBefore();
      });

      it.sequential('exporter-restart kills the exporter without a word, and starts it again with the same flags', async () => {
        await using exporter = await startExporter({
          prefix: stage().lab.client.prefix,
          args: ['--web.listen-address=127.0.0.1:10262'],
        });
        const startedAt = async () =>
          (await scrapeIn(stage().lab.client, 'http://127.0.0.1:10262')).value('process_start_time_seconds');
        const before = await startedAt();
        const fault = await applyFault(stage().lab, 'exporter-restart');
        await expect(startedAt()).rejects.toThrow();
        await fault.end();
        expect(await startedAt()).toBeGreaterThan(before);
        expect((await exporter.stop()).signal).toBe('SIGKILL');
      });

      it.sequential('multicast-overrun makes more notifications than a held reader has room for', async () => {
        const monitor = stage().lab.client.spawn('ip', ['monitor', 'link']);
        await expect.poll(() => processesIn(stage().lab.client.namespace).includes(monitor.pid ?? 0)).toBe(true);
        await sleep(300);
        await multicastOverrun(stage().lab, { pids: [monitor.pid ?? 0] });
        await expect.poll(() => monitor.stderr, { timeout: 5000 }).toContain('No buffer space available');
        await monitor.stop();
        await stage().worksAsBefore();
      });

      it.sequential('clock-step moves the wall clock of a program that follows it, not its monotonic clock nor ours', async () => {
        const script = 'setInterval(() => console.log(Date.now(), performance.now()), 50)';
        const program = stage().lab.client.spawn(process.execPath, ['-e', script], clockEnvironment(stage().lab));
        const read = async () => {
          const line = await new Promise<string>((resolve) => {
            const stop = program.onLine((printed) => {
              stop();
              resolve(printed);
            });
          });
          const [wall = Number.NaN, monotonic = Number.NaN] = line.split(' ').map(Number);
          return { wall, monotonic };
        };
        const before = await read();
        const fault = await applyFault(stage().lab, 'clock-step');
        await read();
        const stepped = await read();
        const passed = stepped.monotonic - before.monotonic;
        expect(passed).toBeLessThan(10_000);
        expect(stepped.wall - before.wall - passed).toBeCloseTo(3_600_000, -3);
        expect(Math.abs(Date.now() - before.wall)).toBeLessThan(60_000);
        await fault.end();
        await read();
        const after = await read();
        expect(after.wall - before.wall - (after.monotonic - before.monotonic)).toBeCloseTo(0, -3);
        await program.stop();
      });
    });

    describe.concurrent('in a lab with a bare veth link', () => {
      it.sequential('says how to make a link that can lose packets', async () => {
        await using bare = await createLab({ links: [{ name: 'eth0' }] });
        await expect(applyFault(bare, 'blackhole', 'eth0')).rejects.toThrow('create it with delayMs: 0');
        await expect(applyFault(bare, 'rate-cut', 'eth0')).rejects.toThrow('create it with rateMbit');
      });

      describe.sequential('on links that lose nothing by themselves', () => {
        let bare: Lab;
        beforeAll(async () => {
          bare = await createLab({ links: [{ name: 'eth0' }, { name: LINK }] });
        });
        afterAll(() => bare?.close());

        it.sequential.each(
          Object.entries<Fault>(FAULTS)
            .map(([name]) => name as FaultName)
            .filter((name) => /carrier|cable|far-end|renamed|removed|address/.test(name)),
        )('has %s too, and carries again at its end', async (name) => {
          const carried = async () => (await bare.ping(LINK, { count: 2, intervalMs: 20 })).received;
          const fault = await applyFault(bare, name, LINK);
          await fault.end();
          await expect.poll(carried, { timeout: 5000 }).toBe(2);
          const before = await bare.server.counters(LINK);
          await bare.transfer({ bytes: 5_000_000 });
          expect((await bare.server.counters(LINK)).receivedBytes - before.receivedBytes).toBeGreaterThan(0);
        });
      });

      it.sequential('leaves nothing behind when it is closed with faults that have not ended, and they may still end', async () => {
        const closed = await createLab({ links: [{ name: 'eth0' }, { name: LINK, delayMs: 0 }, { name: 'usb0' }] });
        const iperf3 = closed.server.spawn('iperf3', ['-s', '--forceflush']);
        await iperf3.waitForLine(/Server listening/);
        const restarted = await applyFault(closed, 'server-restart');
        await restarted.end();
        const pids = [closed.client, closed.server].flatMap(({ namespace }) => processesIn(namespace));
        expect(pids.length).toBeGreaterThan(0);
        const faults = [
          await applyFault(closed, 'interface-removed', 'usb0'),
          await applyFault(closed, 'blackhole', LINK),
          await applyFault(closed, 'options-stripped', 'eth0'),
          await applyFault(closed, 'server-restart'),
        ];
        await closed.close();
        for (const fault of faults) await fault.end();
        expect(readdirSync('/var/run/netns').filter((name) => name.includes(closed.id))).toEqual([]);
        expect(existsSync(labDirectory(closed.id))).toBe(false);
        await expect.poll(() => pids.filter((pid) => existsSync(`/proc/${pid}`)), { timeout: 5000 }).toEqual([]);
        expect(existsSync('/sys/class/net/usb0')).toBe(false);
      });
    });
  },
  faultsUnavailable(),
);
