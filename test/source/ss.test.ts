import { describe, expect, it } from 'vitest';
import { ExporterError } from '../../exporter/src/errors.ts';
import type { Run } from '../../exporter/src/linux/tool/exec.ts';
import { PARTS, type Part, type Reading } from '../../exporter/src/mptcp/model.ts';
import { openSsSource } from '../../exporter/src/source/ss.ts';
import { procTree } from '../linux/proc/tree.ts';
import { captured, RELEASES } from '../linux/tool/captures.ts';

const ALL: ReadonlySet<Part> = new Set(PARTS);

/** A /proc of the captured scene, some files replaced (by text) or left out (by null). */
function proc(changes: Readonly<Record<string, string | null>> = {}): string {
  const files: Record<string, string | null> = {
    'sys/net/mptcp/enabled': '1\n',
    'sys/net/mptcp/scheduler': 'default\n',
    'sys/kernel/osrelease': '6.18.44\n',
    'net/netstat': captured('client', 'proc-netstat'),
    ...changes,
  };
  const kept = Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== null);
  return procTree(Object.fromEntries(kept));
}

/** Answers of the programs: a text, or an error to throw. */
type Answers = Readonly<Record<string, string | Error>>;

/** What the programs of a release print, by command line. */
function answers(release: string): Answers {
  return {
    'ss -V': `ss utility, iproute2-${release}\n`,
    'ip -V': `ip utility, iproute2-${release}\n`,
    'ss -MinHOe': captured('client', `ss-v${release}-M`),
    'ss -tinHOe': captured('client', `ss-v${release}-t`),
    'ip -j -s -s address show': captured('client', 'ip-addr.json'),
    'ip -j mptcp endpoint show': captured('client', `ip-v${release}-endpoint.json`),
    'ip mptcp endpoint show': captured('client', `ip-v${release}-endpoint`),
    'ip mptcp limits show': captured('client', `ip-v${release}-limits`),
  };
}

function replay(given: Answers): { run: Run; asked: string[] } {
  const asked: string[] = [];
  const run: Run = async (program, args) => {
    const command = [program, ...args].join(' ');
    asked.push(command);
    const answer = given[command];
    if (typeof answer === 'string') return answer;
    throw answer ?? new Error(`not captured: ${command}`);
  };
  return { run, asked };
}

async function read(changes: Answers = {}, procfs = proc(), parts = ALL, release = '7.1.0'): Promise<Reading> {
  const source = await openSsSource({ procfs, run: replay({ ...answers(release), ...changes }).run });
  return await source.read(parts);
}

const MISSING = new ExporterError('tool_missing', 'ss is not installed', { remedy: 'Install iproute2.' });

describe('a reading of the ss source', () => {
  it.each(RELEASES)('has every part of the captured scene, with iproute2 %s', async (release) => {
    const reading = await read({}, proc(), ALL, release);
    expect(reading).toMatchObject({ source: 'ss', kernel: 'upstream', kernelRelease: '6.18.44', incidents: [] });
    expect(reading.sockets.value?.connections).toHaveLength(7);
    expect(reading.sockets.value?.subflows).toHaveLength(19);
    expect(reading.interfaces.value?.map(({ name }) => name)).toEqual(['lo', 'eth0', 'wlan0', 'lte0']);
    expect(reading.endpoints?.value?.endpoints.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(reading.endpoints?.value?.limits).toEqual({ subflows: 4, addAddrAccepted: 4 });
    expect(reading.mib?.value?.get('MPCapableSYNTX')).toBeGreaterThan(0);
    expect(reading.sysctl?.value).toMatchObject({ enabled: true, scheduler: 'default' });
  });

  it.each([
    ['5.10.0', false, false],
    ['6.5.0', true, false],
    ['7.1.0', true, true],
  ])('says what iproute2 %s can tell of connections', async (release, bytes, ages) => {
    const { capabilities } = await read({}, proc(), ALL, release);
    expect(Object.fromEntries(capabilities)).toEqual({
      connection_bytes: bytes,
      connection_ages: ages,
      subflow_bytes: true,
      subflow_rtt: true,
      subflow_ages: true,
      subflow_token: true,
      subflow_ids: true,
      endpoints: true,
      limits: true,
      mib: true,
      interface_carrier: true,
    });
  });

  it('has sockets and interfaces always, the other parts when asked for', async () => {
    const { run, asked } = replay(answers('7.1.0'));
    const source = await openSsSource({ procfs: proc(), run });
    const reading = await source.read(new Set(['sysctl']));
    expect(Object.keys(reading)).toEqual(expect.arrayContaining(['sockets', 'interfaces', 'sysctl']));
    expect(Object.keys(reading)).not.toEqual(expect.arrayContaining(['endpoints']));
    expect(Object.keys(reading)).not.toEqual(expect.arrayContaining(['mib']));
    expect(asked.filter((command) => command.includes('mptcp'))).toEqual([]);
  });

  it('asks for releases once a minute only', async () => {
    const { run, asked } = replay(answers('7.1.0'));
    const source = await openSsSource({ procfs: proc(), run });
    await source.read(ALL);
    await source.read(ALL);
    expect(asked.filter((command) => command.endsWith('-V')).sort()).toEqual(['ip -V', 'ss -V']);
  });

  it('counts each row that does not parse, and keeps the others', async () => {
    const broken = captured('client', 'ss-v7.1.0-t')
      .replace('rtt:25.439/', 'rtt:fast/')
      .replace('token:f4187261(', 'token:token(');
    const reading = await read({ 'ss -tinHOe': broken });
    expect(reading.sockets.value?.subflows).toHaveLength(17);
    expect(reading.sockets.value?.connections).toHaveLength(7);
    expect(reading.incidents).toEqual([
      { part: 'sockets', code: 'malformed' },
      { part: 'sockets', code: 'malformed' },
    ]);
  });
});

describe('what fails', () => {
  it('without ss is the sockets alone, with what to install', async () => {
    const reading = await read({ 'ss -V': MISSING, 'ss -MinHOe': MISSING, 'ss -tinHOe': MISSING });
    expect(reading.sockets.failure).toEqual({
      code: 'tool_missing',
      message: 'ss is not installed. Install iproute2.',
    });
    for (const part of ['interfaces', 'endpoints', 'mib', 'sysctl'] as const) {
      expect(reading[part]?.value, part).toBeDefined();
    }
  });

  it('without ip is interfaces and endpoints alone', async () => {
    const ip = Object.keys(answers('7.1.0')).filter((command) => command.startsWith('ip '));
    const reading = await read(Object.fromEntries(ip.map((command) => [command, MISSING])));
    expect(reading.interfaces.failure?.code).toBe('tool_missing');
    expect(reading.endpoints?.failure?.code).toBe('tool_missing');
    expect(reading.sockets.value?.connections).toHaveLength(7);
  });

  it('is tried again at the next reading, as programs can be installed meanwhile', async () => {
    const given: Record<string, string | Error> = { ...answers('7.1.0'), 'ss -V': MISSING };
    const source = await openSsSource({ procfs: proc(), run: replay(given).run });
    expect((await source.read(ALL)).sockets.failure?.code).toBe('tool_missing');
    given['ss -V'] = 'ss utility, iproute2-7.1.0\n';
    expect((await source.read(ALL)).sockets.value?.connections).toHaveLength(7);
  });

  it('with an iproute2 before 5.9 is what needs MPTCP, with two ways out', async () => {
    const reading = await read({
      'ss -V': 'ss utility, iproute2-ss200330\n',
      'ip -V': 'ip utility, iproute2-ss200330\n',
    });
    expect(reading.sockets.failure).toEqual({
      code: 'not_supported',
      message: expect.stringContaining('Install iproute2 5.9 or later, or use --source=netlink.'),
    });
    expect(reading.endpoints?.failure?.code).toBe('not_supported');
    expect(reading.interfaces.value).toHaveLength(4);
    expect(reading.capabilities.get('endpoints')).toBe(false);
  });

  it('on a kernel without MPTCP is not taken for no connections', async () => {
    const reading = await read(
      { 'ss -MinHOe': '' },
      proc({ 'sys/net/mptcp/enabled': null, 'sys/net/mptcp/scheduler': null }),
    );
    expect(reading.sockets.failure).toEqual({
      code: 'not_supported',
      message: expect.stringContaining('CONFIG_MPTCP'),
    });
    expect(reading.endpoints?.failure?.code).toBe('not_supported');
    expect(reading.sysctl?.failure?.code).toBe('not_supported');
    expect(reading.interfaces.value).toHaveLength(4);
  });

  it('on a kernel that lists TCP sockets as MPTCP (issue 149) is the connections alone', async () => {
    const tcp = captured('client', 'ss-v6.1.0-t');
    const reading = await read({ 'ss -MinHOe': tcp, 'ss -tinHOe': tcp }, proc({ 'sys/kernel/osrelease': '5.8.0\n' }));
    expect(reading.sockets.value?.connectionsFailure?.code).toBe('not_tcp_info');
    expect(reading.sockets.value?.subflows).toHaveLength(19);
    expect(reading.incidents).toEqual([{ part: 'sockets', code: 'not_tcp_info' }]);
  });

  it('of the limits costs the limits, and is counted', async () => {
    const reading = await read({ 'ip mptcp limits show': new ExporterError('tool_failed', 'ended with exit code 2') });
    expect(reading.endpoints?.value?.endpoints).toHaveLength(3);
    expect(reading.endpoints?.value).not.toHaveProperty('limits');
    expect(reading.capabilities.get('limits')).toBe(false);
    expect(reading.incidents).toEqual([{ part: 'endpoints', code: 'tool_failed' }]);
  });

  it('is said of text that is not that of ss', async () => {
    const reading = await read({ 'ss -tinHOe': 'something\nelse\n' });
    expect(reading.sockets.failure?.code).toBe('malformed');
  });

  it('with a kernel release that is none is the sockets, not a guess', async () => {
    const reading = await read({}, proc({ 'sys/kernel/osrelease': 'unknown\n' }));
    expect(reading.sockets.failure?.code).toBe('malformed');
    expect(reading).not.toHaveProperty('kernelRelease');
  });
});
