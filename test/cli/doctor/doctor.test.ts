import { describe, expect, it } from 'vitest';
import type { EndpointWay, Facts, Way } from '../../../exporter/src/cli/doctor/facts.ts';
import { doctor, findingsText } from '../../../exporter/src/cli/doctor.ts';
import { parseExposition } from '../../../exporter/src/metrics/parse.ts';
import type {
  ConnectionRecord,
  NetworkInterface,
  PathManagerEndpoint,
  Reading,
} from '../../../exporter/src/mptcp/model.ts';

const nic = (name: string, index: number, address: string, rest: Partial<NetworkInterface> = {}): NetworkInterface => ({
  name,
  index,
  loopback: false,
  up: true,
  carrier: true,
  addresses: [{ address, prefixLength: 24 }],
  ...rest,
});
const endpoint = (id: number, address: string, rest: Partial<PathManagerEndpoint> = {}): PathManagerEndpoint => ({
  id,
  address,
  flags: ['subflow'],
  ...rest,
});
const way = (of: PathManagerEndpoint, value: Way | undefined, rest: Partial<EndpointWay> = {}): EndpointWay => ({
  endpoint: of,
  way: { value },
  ...rest,
});
const connection = (fallback: boolean) =>
  ({
    state: 'established',
    local: { address: '10.0.0.2', port: 1 },
    remote: { address: '10.9.9.9', port: 2 },
    fallback,
  }) as ConnectionRecord;

const FIBRE = endpoint(1, '10.0.0.2', { interfaceIndex: 2 });
const LTE = endpoint(2, '10.1.0.2', { interfaceIndex: 3 });
const OUT_BY_FIBRE: Way = { interfaceName: 'eth0', gateway: '10.0.0.1', ethernet: true };
const OUT_BY_LTE: Way = { interfaceName: 'wwan0', gateway: '10.1.0.1', ethernet: true };
const FAILURE = { failure: { code: 'connection_refused', message: 'nothing answers' } };

const READING: Reading = {
  source: 'netlink',
  kernel: 'upstream',
  kernelRelease: '6.18.44',
  monotonicSeconds: 1,
  sockets: { value: { connections: [connection(false)], subflows: [] } },
  interfaces: { value: [nic('eth0', 2, '10.0.0.2'), nic('wwan0', 3, '10.1.0.2')] },
  endpoints: { value: { endpoints: [FIBRE, LTE], limits: { subflows: 2, addAddrAccepted: 2 } } },
  sysctl: { value: { enabled: true, pathManager: 'kernel', numeric: new Map([['stale_loss_cnt', 4]]) } },
  capabilities: new Map(),
  incidents: [],
};
const HEALTHY: Facts = {
  reading: READING,
  sourceReason: 'the kernel has upstream MPTCP',
  netAdmin: true,
  tools: { ip: { value: '6.1' }, ss: { value: '6.1' } },
  systemCalls: undefined,
  ways: [way(FIBRE, OUT_BY_FIBRE), way(LTE, OUT_BY_LTE)],
  clockSynchronised: true,
  exporter: { value: parseExposition('mptcp_up 1\nmptcp_capability{capability="events"} 1') },
  prometheus: { value: { url: 'http://127.0.0.1:9090', targets: 1, up: 1 } },
};

const reading = (changes: Partial<Reading>): Partial<Facts> => ({ reading: { ...READING, ...changes } });
const managed = (endpoints: readonly PathManagerEndpoint[], subflows = 2): Partial<Facts> =>
  reading({ endpoints: { value: { endpoints, limits: { subflows, addAddrAccepted: 0 } } } });
const sysctls = (changes: object): Partial<Facts> =>
  reading({ sysctl: { value: { enabled: true, numeric: new Map(), ...changes } } });
const interfaces = (...value: readonly NetworkInterface[]): Partial<Facts> => reading({ interfaces: { value } });

function examine(changes: Partial<Facts>) {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  const exitStatus = doctor({ ...HEALTHY, ...changes }, { json: false, write });
  return { exitStatus, text };
}

describe('doctor', () => {
  it('finds nothing on a machine that is well set up, and ends with 0', () => {
    const { exitStatus, text } = examine({});
    expect(exitStatus).toBe(0);
    expect(text).toMatch(/\n\nall well\n$/);
    expect(text.match(/^\S+/gm)?.filter((word) => word !== 'ok')).toEqual(['all']);
    for (const check of [
      'kernel',
      'enabled',
      'sysctls',
      'endpoints',
      'limits',
      'routing',
      'source',
      'connections',
      'koffi',
      'iproute2',
      'clock',
      'exporter',
      'capability',
      'Prometheus',
    ])
      expect(text).toMatch(new RegExp(`^ok +${check} `, 'm'));
  });

  it('prints JSON', () => {
    let text = '';
    const write = (more: string) => {
      text += more;
    };
    doctor({ ...HEALTHY, clockSynchronised: false }, { json: true, write });
    const { findings } = JSON.parse(text) as { findings: { check: string; result: string; remedy?: string }[] };
    expect(findings.find(({ check }) => check === 'clock')).toMatchObject({
      result: 'warn',
      remedy: 'timedatectl set-ntp true',
    });
    expect(findings.length).toBeGreaterThan(12);
  });

  it.each<[string, Partial<Facts>, RegExp]>([
    [
      'a kernel without MPTCP',
      reading({ sysctl: { failure: { code: 'not_supported', message: 'this kernel has no MPTCP' } } }),
      /^fail +kernel +this kernel has no MPTCP\n +→ Boot a kernel/m,
    ],
    ['MPTCP switched off', sysctls({ enabled: false }), /^fail +enabled .*\n +→ sysctl -w net\.mptcp\.enabled=1/m],
    [
      'an endpoint whose address is gone',
      managed([endpoint(3, '10.7.7.7')]),
      /^fail +endpoints +3: no interface has its address 10\.7\.7\.7 any more\n +→ ip mptcp endpoint delete id 3/m,
    ],
    [
      'an endpoint bound to another interface',
      managed([endpoint(3, '10.1.0.2', { interfaceName: 'eth0' })]),
      /^fail +endpoints +3: .* on wwan0, but it is bound to eth0$/m,
    ],
    [
      'a limit of no subflows',
      managed([FIBRE, LTE], 0),
      /^fail +limits +subflows 0.*\n +→ ip mptcp limits set subflows 2 add_addr_accepted 2$/m,
    ],
    ['endpoints that cannot be read', reading({ endpoints: FAILURE }), /^fail +endpoints +nothing answers/m],
    [
      'an endpoint that leaves by another interface',
      { ways: [way(FIBRE, OUT_BY_FIBRE), way(LTE, OUT_BY_FIBRE)] },
      /^fail +routing +what is sent from 10\.1\.0\.2 leaves by eth0, not by wwan0\n +→ ip rule add from 10\.1\.0\.2 table/m,
    ],
    [
      'an endpoint without any way',
      { ways: [way(LTE, undefined)] },
      /^fail +routing +there is no way to the internet from 10\.1\.0\.2 on wwan0/m,
    ],
    [
      'an endpoint whose link has no gateway',
      { ways: [way(LTE, { interfaceName: 'wwan0', ethernet: true })] },
      /^fail +routing +wwan0 has no gateway for 10\.1\.0\.2/m,
    ],
    [
      'answers that the reverse path filter drops',
      { ways: [way(LTE, OUT_BY_LTE, { unboundWay: { value: OUT_BY_FIBRE }, reversePathFilter: 1 })] },
      /^fail +routing +answers to 10\.1\.0\.2 that come in by wwan0 are dropped: rp_filter is strict, and the way back is eth0\n.*net\.ipv4\.conf\.wwan0\.rp_filter=2$/m,
    ],
    [
      'sockets that cannot be read',
      reading({ sockets: FAILURE }),
      /^fail +source +the sockets cannot be read: nothing answers/m,
    ],
    [
      'an exporter that cannot read',
      { exporter: { value: parseExposition('mptcp_up 0') } },
      /^fail +exporter +it runs, but cannot read MPTCP/m,
    ],
    [
      'a Prometheus that cannot reach the exporter',
      { prometheus: { value: { url: 'U', targets: 2, up: 1 } } },
      /^fail +Prometheus +U reads 1 of 2 exporters\n +→ See U\/targets$/m,
    ],
  ])('fails for %s, says what to do, and ends with 1', (_, changes, words) => {
    const { exitStatus, text } = examine(changes);
    expect(text).toMatch(words);
    expect(text).toMatch(/\n\n[1-9]\d* failures?, \d+ warnings?\n$/);
    expect(exitStatus).toBe(1);
  });

  it.each<[string, Partial<Facts>, RegExp]>([
    [
      'the out-of-tree kernel',
      reading({ kernel: 'out-of-tree', kernelRelease: '5.4.243' }),
      /^warn +kernel +Linux 5\.4\.243 with the out-of-tree MPTCP/m,
    ],
    [
      'a kernel that cannot list connections',
      reading({ kernelRelease: '5.8.0' }),
      /^warn +kernel +Linux 5\.8\.0 cannot list/m,
    ],
    ['another path manager', sysctls({ pathManager: 'userspace' }), /^warn +path manager +"userspace" decides/m],
    [
      'data that stays on dead paths',
      sysctls({ numeric: new Map([['stale_loss_cnt', 0]]) }),
      /^warn +sysctls +stale_loss_cnt is 0.*\n.*stale_loss_cnt=4$/m,
    ],
    ['no endpoints', { ...managed([]), ways: [] }, /^warn +endpoints +none: .*\n +→ ip mptcp endpoint add/m],
    [
      'an endpoint without carrier',
      interfaces(nic('eth0', 2, '10.0.0.2'), nic('wwan0', 3, '10.1.0.2', { carrier: false })),
      /^warn +endpoints +2: wwan0 with its address 10\.1\.0\.2 has no carrier/m,
    ],
    [
      'more endpoints than subflows',
      managed([FIBRE, LTE, endpoint(4, '10.0.0.2'), endpoint(5, '10.1.0.2')]),
      /^warn +limits +subflows 2, .* too few for 4 endpoints.*\n +→ ip mptcp limits set subflows 3 add_addr_accepted 3$/m,
    ],
    [
      'no ip',
      {
        tools: { ...HEALTHY.tools, ip: { failure: { code: 'tool_missing', message: 'ip is not installed' } } },
        ways: [],
      },
      /^warn +routing +not looked at.*\n(?:.*\n)*warn +iproute2 +ip is not installed/m,
    ],
    [
      'connections that all fell back',
      reading({ sockets: { value: { connections: [connection(true)], subflows: [] } } }),
      /^warn +connections +1 now, 1 of them fell back/m,
    ],
    ['system calls that cannot be made', { systemCalls: FAILURE.failure }, /^warn +koffi +nothing answers/m],
    [
      'no exporter and no Prometheus',
      { exporter: FAILURE, prometheus: FAILURE, netAdmin: false },
      /^warn +exporter [\s\S]*^warn +capability +without CAP_NET_ADMIN[\s\S]*^warn +Prometheus [\s\S]*0 failures, 3 warnings\n$/m,
    ],
    [
      'an exporter that hears no events',
      { exporter: { value: parseExposition('mptcp_up 1\nmptcp_capability{capability="events"} 0') } },
      /^warn +capability +the exporter does not hear/m,
    ],
    [
      'a Prometheus without the job',
      { prometheus: { value: { url: 'U', targets: 0, up: 0 } } },
      /^warn +Prometheus +U does not read the exporter/m,
    ],
    [
      'a clock that runs free',
      { clockSynchronised: false },
      /^warn +clock .*not synchronised.*\n +→ timedatectl set-ntp true$/m,
    ],
  ])('warns of %s, says what to do, and ends with 0', (_, changes, words) => {
    const { exitStatus, text } = examine(changes);
    expect(text).toMatch(words);
    expect(exitStatus).toBe(0);
  });

  it('takes a point-to-point link without gateway for right, and the filter for harmless where the way back is the same', () => {
    const tunnel: Way = { interfaceName: 'wwan0', ethernet: false };
    const { text } = examine({ ways: [way(LTE, tunnel, { unboundWay: { value: tunnel }, reversePathFilter: 1 })] });
    expect(text).toMatch(/^ok +routing /m);
  });

  it('needs one subflow fewer than a family has endpoints, since a connection begins on one', () => {
    const six = [endpoint(7, 'fd00::1'), endpoint(8, 'fd01::1')];
    const { text } = examine({
      ...reading({
        interfaces: {
          value: [
            nic('eth0', 2, '10.0.0.2'),
            nic('wwan0', 3, '10.1.0.2'),
            nic('a', 4, 'fd00::1'),
            nic('b', 5, 'fd01::1'),
          ],
        },
        endpoints: { value: { endpoints: [FIBRE, LTE, ...six], limits: { subflows: 1, addAddrAccepted: 0 } } },
      }),
      ways: [],
    });
    expect(text).toMatch(/^ok +limits +subflows 1/m);
  });

  it('counts in words', () => {
    expect(findingsText([{ check: 'a', result: 'fail', message: 'b', remedy: 'c' }])).toMatch(
      /\n1 failure, 0 warnings$/,
    );
  });
});
