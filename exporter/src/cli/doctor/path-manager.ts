import type { NetworkInterface, PathManagerEndpoint } from '../../mptcp/model.ts';
import type { EndpointWay, Facts } from './facts.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const ADD = 'ip mptcp endpoint add ADDRESS dev INTERFACE subflow';

/** Endpoints, limits, and the way out of each endpoint's address. */
export function pathManagerFindings(facts: Facts): readonly Finding[] {
  const { reading, ways, tools } = facts;
  if (reading.kernel === 'out-of-tree') return [];
  const { value, failure } = reading.endpoints ?? {};
  if (value === undefined)
    return [
      fail('endpoints', failure?.message ?? 'the endpoints were not read', 'Look by hand: ip mptcp endpoint show'),
    ];
  const interfaces = reading.interfaces.value ?? [];
  const lost = value.endpoints.flatMap((endpoint) => endpointTrouble(endpoint, interfaces));
  const usable = value.endpoints.filter(({ address }) => holder(address, interfaces) !== undefined);
  return [
    ...(lost.length > 0 ? lost : [endpointCount(value.endpoints)]),
    ...(value.limits === undefined ? [] : [limits(value.limits, value.endpoints)]),
    ...(tools.ip.value === undefined
      ? [warn('routing', 'not looked at: it takes the program ip', 'apt-get install iproute2')]
      : routing(
          ways.filter(({ endpoint }) => usable.includes(endpoint)),
          interfaces,
        )),
  ];
}

function endpointCount(endpoints: readonly PathManagerEndpoint[]): Finding {
  if (endpoints.length === 0)
    return warn('endpoints', 'none: connections stay on the path that they begin on (a server needs none)', ADD);
  const words = endpoints.map(({ id, address, flags }) => `${id} ${address} (${flags.join(', ') || 'no flags'})`);
  return ok('endpoints', words.join(', '));
}

/** What keeps an endpoint from being of any use. */
function endpointTrouble(endpoint: PathManagerEndpoint, interfaces: readonly NetworkInterface[]): readonly Finding[] {
  const { id, address } = endpoint;
  const owner = holder(address, interfaces);
  const again = `ip mptcp endpoint delete id ${id}, then ${ADD} with the address of now`;
  if (owner === undefined) return [fail('endpoints', `${id}: no interface has its address ${address} any more`, again)];
  const bound = interfaces.find(
    ({ name, index }) => name === endpoint.interfaceName || (index !== undefined && index === endpoint.interfaceIndex),
  );
  if (bound !== undefined && bound.name !== owner.name)
    return [
      fail('endpoints', `${id}: its address ${address} is on ${owner.name}, but it is bound to ${bound.name}`, again),
    ];
  if (owner.up === false || owner.carrier === false)
    return [
      warn(
        'endpoints',
        `${id}: ${owner.name} with its address ${address} has no carrier`,
        'Check the cable, the WiFi or the modem',
      ),
    ];
  return [];
}

function limits(
  { subflows, addAddrAccepted }: { readonly subflows: number; readonly addAddrAccepted: number },
  endpoints: readonly PathManagerEndpoint[],
): Finding {
  const own = endpoints.filter(({ flags }) => flags.includes('subflow') || flags.includes('fullmesh'));
  // A connection has subflows of one family as a rule, and begins on one of these addresses.
  const most = Math.max(...[4, 6].map((family) => own.filter(({ address }) => familyOf(address) === family).length));
  const found = `subflows ${subflows}, add_addr_accepted ${addAddrAccepted}`;
  const remedy = (wanted: number) =>
    `ip mptcp limits set subflows ${wanted} add_addr_accepted ${Math.max(addAddrAccepted, wanted)}`;
  if (subflows === 0)
    return fail('limits', `${found}: no connection may have a second subflow`, remedy(Math.max(2, most - 1)));
  if (subflows < most - 1)
    return warn('limits', `${found}, too few for ${most} endpoints: some paths stay unused`, remedy(most - 1));
  return ok('limits', found);
}

/** By far the most common mistake: what is sent from an address leaves by another interface, so the provider drops it. */
function routing(ways: readonly EndpointWay[], interfaces: readonly NetworkInterface[]): readonly Finding[] {
  const troubles = ways.flatMap((way) => wayTrouble(way, holder(way.endpoint.address, interfaces)?.name ?? ''));
  if (troubles.length > 0 || ways.length === 0) return troubles;
  return [ok('routing', 'each endpoint leaves by its own interface, through a gateway')];
}

function wayTrouble({ endpoint, way, unboundWay, reversePathFilter }: EndpointWay, own: string): readonly Finding[] {
  const { address } = endpoint;
  const remedy = `ip rule add from ${address} table 1NN; ip route add default via GATEWAY dev ${own} table 1NN`;
  if (way.failure !== undefined)
    return [warn('routing', `${address}: ${way.failure.message}`, `ip route get 203.0.113.1 from ${address}`)];
  if (way.value === undefined)
    return [fail('routing', `there is no way to the internet from ${address} on ${own}`, remedy)];
  const { interfaceName, gateway, ethernet } = way.value;
  if (interfaceName !== own)
    return [fail('routing', `what is sent from ${address} leaves by ${interfaceName}, not by ${own}`, remedy)];
  if (gateway === undefined && ethernet === true)
    return [
      fail(
        'routing',
        `${own} has no gateway for ${address}: the kernel looks for the whole internet on that link`,
        remedy,
      ),
    ];
  const back = unboundWay?.value?.interfaceName;
  if (reversePathFilter === 1 && back !== undefined && back !== own)
    return [
      fail(
        'routing',
        `answers to ${address} that come in by ${own} are dropped: rp_filter is strict, and the way back is ${back}`,
        `${remedy}; or sysctl -w net.ipv4.conf.${own.replaceAll('.', '/')}.rp_filter=2`,
      ),
    ];
  return [];
}

const familyOf = (address: string): number => (address.includes(':') ? 6 : 4);

/** The interface that has an address now. */
function holder(address: string, interfaces: readonly NetworkInterface[]): NetworkInterface | undefined {
  return interfaces.find(({ addresses }) => addresses.some((one) => one.address === address));
}
