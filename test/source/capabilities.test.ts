import { describe, expect, it } from 'vitest';
import type { Capability } from '../../exporter/src/mptcp/model.ts';
import { type Evidence, judgeCapabilities } from '../../exporter/src/source/capabilities.ts';
import { connection, networkInterface, reading, subflow } from '../support/scene.ts';

function judged(...readings: readonly Evidence[]): Record<string, boolean> {
  const known = new Map<Capability, boolean>();
  for (const one of readings) judgeCapabilities(known, one);
  return Object.fromEntries(known);
}

const failed = (code: string) => ({ failure: { code, message: code } });
const NO_INTERFACES = { interfaces: { value: [] } };

describe('capabilities', () => {
  it('are unknown while there is nothing to judge them by', () => {
    expect(judged(reading({}, NO_INTERFACES))).toEqual({});
    expect(judged({ sockets: failed('timeout'), interfaces: failed('timeout') })).toEqual({});
    const opening = connection(1, { state: 'syn_sent', additionalSubflows: 0 });
    expect(judged(reading({ connections: [opening] }, NO_INTERFACES))).toEqual({});
  });

  it.each([
    ['5.15', {}, { connection_bytes: false, connection_ages: false }],
    ['6.6', { sentBytes: 0 }, { connection_bytes: true, connection_ages: false }],
    ['6.10', { sentBytes: 0, lastDataSentSeconds: 0 }, { connection_bytes: true, connection_ages: true }],
  ])('of a connection on Linux %s are told by the fields it has', (_, fields, expected) => {
    const one = connection(1, { additionalSubflows: 0, ...fields });
    expect(judged(reading({ connections: [one] }, NO_INTERFACES))).toEqual(expected);
  });

  it('of subflows are told by the fields they have', () => {
    const { token: _, flags: __, ...hidden } = subflow(1, '10.77.1.1');
    expect(judged(reading({ subflows: [{ ...hidden, tcp: {} }] }, NO_INTERFACES))).toEqual({
      subflow_bytes: false,
      subflow_rtt: false,
      subflow_ages: false,
      subflow_token: false,
      subflow_ids: false,
    });
    const whole = subflow(1, '10.77.1.1', {
      localId: 0,
      tcp: { sentBytes: 0, retransmissionTimeoutSeconds: 1, lastAcknowledgementSeconds: 2 },
    });
    expect(judged(reading({ subflows: [hidden, whole] }, NO_INTERFACES))).toEqual({
      subflow_bytes: true,
      subflow_rtt: true,
      subflow_ages: true,
      subflow_token: true,
      subflow_ids: true,
    });
  });

  it('of interfaces are told by their carrier', () => {
    const { carrier: _, ...dark } = networkInterface('eth0', 1);
    const without = reading({}, { interfaces: { value: [dark] } });
    expect(judged(without)).toEqual({ interface_carrier: false });
    expect(judged(reading({}, { interfaces: { value: [networkInterface('eth0', 1)] } }))).toEqual({
      interface_carrier: true,
    });
  });

  it('of the path manager and the counters are lost for good only where the kernel or privileges say so', () => {
    const limits = { subflows: 2, addAddrAccepted: 0 };
    const readable = { endpoints: { value: { endpoints: [], limits } }, mib: { value: new Map() } };
    expect(judged(reading({}, { ...NO_INTERFACES, ...readable }))).toEqual({
      endpoints: true,
      limits: true,
      mib: true,
    });
    const withoutLimits = { endpoints: { value: { endpoints: [] } } };
    expect(judged(reading({}, { ...NO_INTERFACES, ...withoutLimits }))).toEqual({ endpoints: true, limits: false });
    for (const code of ['not_supported', 'permission_denied']) {
      expect(judged(reading({}, { ...NO_INTERFACES, endpoints: failed(code), mib: failed(code) }))).toEqual({
        endpoints: false,
        limits: false,
        mib: false,
      });
    }
    expect(judged(reading({}, { ...NO_INTERFACES, endpoints: failed('timeout'), mib: failed('unreadable') }))).toEqual(
      {},
    );
  });

  it('are remembered when a later reading has nothing to say', () => {
    const one = connection(1, { additionalSubflows: 0, sentBytes: 0 });
    expect(judged(reading({ connections: [one] }, NO_INTERFACES), reading({}, NO_INTERFACES))).toEqual({
      connection_bytes: true,
      connection_ages: false,
    });
  });
});
