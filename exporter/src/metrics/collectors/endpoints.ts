import { endpointInterface } from '../../mptcp/assemble.ts';
import { collector } from '../collector.ts';
import { gauge } from '../family.ts';

/** Path-manager endpoints and limits (uapi/linux/mptcp_pm.h, commands GET_ADDR and GET_LIMITS). */
export const endpoints = collector(
  'endpoints',
  ['endpoints'],
  {
    info: gauge('mptcp_endpoint_info', 'A path-manager endpoint, from mptcp_pm GET_ADDR.', [
      'id',
      'address',
      'interface',
      'flags',
    ]),
    subflows: gauge('mptcp_limit_subflows', 'Most additional subflows per connection, from mptcp_pm GET_LIMITS.'),
    addresses: gauge(
      'mptcp_limit_add_addr_accepted',
      'Most announced addresses accepted per connection, from mptcp_pm GET_LIMITS.',
    ),
  },
  ({ picture: { snapshot } }, emit) => {
    const manager = snapshot.endpoints?.value;
    if (manager === undefined) return;
    for (const endpoint of manager.endpoints) {
      const on = endpointInterface(endpoint, snapshot.interfaces.value ?? []);
      const { id, address, flags } = endpoint;
      emit.info({ id, address, interface: on ?? '', flags: flags.join(',') }, 1);
    }
    emit.subflows({}, manager.limits?.subflows);
    emit.addresses({}, manager.limits?.addAddrAccepted);
  },
);
