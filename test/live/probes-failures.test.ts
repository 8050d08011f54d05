import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeLive } from '../lab/vitest.ts';
import { openSockets } from '../support/descriptors.ts';
import { withoutProgram } from '../support/hide.ts';
import { HOME, Probing, warnings } from '../support/probing.ts';

/** Accepts and says nothing; answers datagrams and requests with something else; sends back other bytes than it was sent. */
const BAD_SERVERS = `
const { createServer } = require('node:net');
const quiet = (socket) => socket.on('error', () => {});
createServer(quiet).listen(7001, '::');
createServer((socket) => quiet(socket).once('data', () => socket.write('HTTP/1.1 200 OK\\r\\n\\r\\nhello'))).listen(7002, '::');
createServer((socket) => quiet(socket).once('data', () => {
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n');
  socket.once('data', (data) => socket.write(Buffer.alloc(data.length)));
})).listen(7003, '::');
createServer((socket) => quiet(socket).once('data', () => socket.end('HTTP/1.1 101 Switching'))).listen(7004, '::');
const udp = require('node:dgram').createSocket('udp6');
udp.on('message', (_, { address, port }) => udp.send('something else', port, address)).bind(7005, () => console.log('listening'));
`;

let lab: Lab;
let probing: Probing;

describeLive('probes that cannot succeed', () => {
  beforeAll(async () => {
    lab = await createLab({ links: HOME.slice(0, 1) });
    probing = new Probing(lab);
    await probing.reflector();
    const bad = lab.server.spawn(process.execPath, ['-e', BAD_SERVERS]);
    await bad.waitForLine(/listening/);
  });
  afterAll(async () => {
    await probing?.close();
    await lab?.close();
  });

  it('are counted by their reason, logged once each, and cost neither the others nor a descriptor', async () => {
    const server = lab.server.address('eth0');
    // A path runs four at once: of these probes several use up their whole time in each interval.
    const usual = 'interval: 1500ms, timeout: 900ms';
    const wrongToken = join(probing.folder, 'none');
    const exporter = await probing.exporter(`
paths: [{name: eth0, interface: eth0}]
probes:
  - {type: icmp, target: ${server}, ${usual}}
  - {type: icmp, target: nowhere.invalid, ${usual}}
  - {type: icmp, target: "10.77.1.77", ${usual}}
  - {type: icmp, target: "2001:db8::77", ${usual}}
  - {type: tcp, target: "${server}:7999", ${usual}}
  - {type: udp, target: "${server}:7999", ${usual}}
  - {type: udp, target: "${server}:7005", ${usual}}
  - {type: udp, target: "${server}:10263", ${usual}}
  - {type: tcp-echo, target: "${server}:7001", ${usual}}
  - {type: tcp-echo, target: "${server}:7002", ${usual}}
  - {type: tcp-echo, target: "${server}:7003", ${usual}}
  - {type: tcp-echo, target: "${server}:7004", ${usual}}
  - {type: tcp-echo, target: "${server}:10263", ${usual}}
  - {type: udp, target: "${server}:7006", token_file: ${wrongToken}, ${usual}}
`);
    const expected: Readonly<Record<string, string>> = {
      'icmp nowhere.invalid': 'unresolvable',
      'icmp 10.77.1.77': 'timeout',
      'icmp 2001:db8::77': 'unreachable',
      [`tcp ${server}:7999`]: 'refused',
      [`udp ${server}:7999`]: 'refused',
      [`udp ${server}:7005`]: 'wrong_answer',
      [`udp ${server}:10263`]: 'timeout', // it does not answer those without its token
      [`tcp-echo ${server}:7001`]: 'timeout',
      [`tcp-echo ${server}:7002`]: 'wrong_answer',
      [`tcp-echo ${server}:7003`]: 'wrong_answer',
      [`tcp-echo ${server}:7004`]: 'broken',
      [`tcp-echo ${server}:10263`]: 'unauthorised',
      [`udp ${server}:7006`]: 'unauthorised',
    };
    const counted = async () => {
      const failures = (await probing.scrape(exporter)).samples('mptcp_probe_failures_total');
      const some = failures.filter(({ value }) => value >= 5);
      return Object.fromEntries(some.map(({ labels }) => [`${labels.probe} ${labels.target}`, labels.reason]));
    };
    await expect.poll(counted, { timeout: 30_000, interval: 500 }).toEqual(expected);
    const scrape = await probing.scrape(exporter);
    expect(scrape.value('mptcp_probe_success', { probe: 'icmp', target: server })).toBe(1);
    expect(scrape.value('mptcp_up')).toBe(1);
    for (const target of Object.keys(expected)) {
      const [probe, name] = target.split(' ');
      const labels = { probe, target: name } as Record<string, string>;
      expect(
        scrape
          .samples('mptcp_probe_rtt_seconds_count')
          .find((one) => one.labels.probe === probe && one.labels.target === name)?.value,
      ).toBe(0);
      expect(scrape.value('mptcp_probe_success', labels)).toBe(0);
      expect(
        scrape.samples('mptcp_probe_last_success_timestamp_seconds').map((one) => one.labels.target),
      ).not.toContain(name);
    }
    const sockets = openSockets(exporter.pid);
    await sleep(3000);
    expect(Math.abs(openSockets(exporter.pid) - sockets)).toBeLessThanOrEqual(8);
    const { stderr } = await exporter.stop();
    const told = warnings(stderr);
    expect(told.toSorted()).toEqual(
      Object.entries(expected)
        .map(([target, reason]) => `${target.split(' ')[0]} eth0 ${reason}`)
        .toSorted(),
    );
    expect(stderr).not.toContain('level=error');
  });

  it('for want of ping say how to get it, once, and leave the others alone', async () => {
    const folder = join(probing.folder, 'hidden');
    mkdirSync(folder);
    const server = lab.server.address('eth0');
    const exporter = await probing.exporter(
      `
paths: [{name: eth0, interface: eth0}]
probes:
  - {type: icmp, target: ${server}, interval: 300ms}
  - {type: tcp, target: "${server}:10263", interval: 300ms}
`,
      withoutProgram('ping', folder),
    );
    const missing = async () =>
      (await probing.scrape(exporter)).value('mptcp_probe_failures_total', { probe: 'icmp', reason: 'tool_missing' });
    await expect.poll(missing, { timeout: 15_000 }).toBeGreaterThanOrEqual(3);
    const scrape = await probing.scrape(exporter);
    expect(scrape.value('mptcp_probe_success', { probe: 'tcp' })).toBe(1);
    const { stderr } = await exporter.stop();
    expect(warnings(stderr)).toEqual(['icmp eth0 tool_missing']);
    expect(stderr).toContain('Install the package iputils-ping (on Debian: apt-get install iputils-ping).');
  });
});
