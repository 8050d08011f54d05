import type { Facts } from './facts.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** What the exporter needs, whether it runs, whether it is read. */
export function watchingFindings(facts: Facts): readonly Finding[] {
  return [
    source(facts),
    connections(facts),
    systemCalls(facts),
    tools(facts),
    clock(facts),
    exporter(facts),
    privileges(facts),
    prometheus(facts),
  ];
}

function source({ reading, sourceReason }: Facts): Finding {
  const { failure } = reading.sockets;
  if (failure !== undefined)
    return fail('source', `the sockets cannot be read: ${failure.message}`, 'See the lines above and below');
  return ok('source', `${reading.source}: ${sourceReason}`);
}

function connections({ reading }: Facts): Finding {
  const all = reading.sockets.value?.connections ?? [];
  const fallbacks = all.filter(({ fallback }) => fallback === true).length;
  if (all.length === 0) return ok('connections', 'no MPTCP connection now; mptcpize run PROGRAM makes one use it');
  const found = `${all.length} now, ${fallbacks} of them fell back to plain TCP`;
  if (fallbacks === all.length)
    return warn(
      'connections',
      found,
      'Their servers may not have MPTCP, or a device on the way removes it: try mptcpize run curl https://check.mptcp.dev',
    );
  return ok('connections', found);
}

function systemCalls({ systemCalls: failure }: Facts): Finding {
  if (failure === undefined) return ok('koffi', 'system calls can be made');
  return warn(
    'koffi',
    failure.message,
    'npm ci again on this machine, with optional packages; until then ss is used, which tells less',
  );
}

function tools({ tools: { ss, ip } }: Facts): Finding {
  const missing = [ss, ip].find(({ failure }) => failure !== undefined)?.failure;
  if (missing !== undefined) return warn('iproute2', missing.message, 'apt-get install iproute2');
  return ok('iproute2', `ss ${ss.value}, ip ${ip.value}`);
}

function clock({ clockSynchronised }: Facts): Finding {
  const now = new Date().toISOString();
  if (clockSynchronised === false)
    return warn('clock', `${now}, not synchronised: samples get wrong times`, 'timedatectl set-ntp true');
  return ok(
    'clock',
    `${now}${clockSynchronised === true ? ', synchronised' : ', whether it is synchronised cannot be told here'}`,
  );
}

function exporter({ exporter: { value, failure } }: Facts): Finding {
  if (value === undefined) return warn('exporter', failure.message, 'npm start, or systemctl start mptcp-exporter');
  const up = value.get('mptcp_up')?.[0]?.value;
  if (up !== 1)
    return fail('exporter', 'it runs, but cannot read MPTCP', 'Its log says why: journalctl -u mptcp-exporter');
  return ok('exporter', 'it runs and reads MPTCP');
}

/** The running exporter's privileges count; without one, those that this shell would start it with. */
function privileges({ exporter: { value }, netAdmin }: Facts): Finding {
  const remedy =
    'Run it by exporter/mptcp-exporter.service, or with setpriv --ambient-caps +net_admin --inh-caps +net_admin';
  const events = value?.get('mptcp_capability')?.find(({ labels }) => labels.capability === 'events')?.value;
  if (events !== undefined)
    return events === 1
      ? ok('capability', 'the exporter hears the events of MPTCP')
      : warn(
          'capability',
          'the exporter does not hear the events of MPTCP: bytes of short connections are lost',
          remedy,
        );
  if (netAdmin === false)
    return warn(
      'capability',
      'without CAP_NET_ADMIN: bytes of short connections are lost, and old kernels hide which subflow is whose',
      remedy,
    );
  return ok('capability', 'CAP_NET_ADMIN');
}

function prometheus({ prometheus: { value, failure } }: Facts): Finding {
  if (value === undefined) return warn('Prometheus', failure.message, 'npm run stack, or docker compose up -d');
  const { url, targets, up } = value;
  if (targets === 0)
    return warn('Prometheus', `${url} does not read the exporter`, 'Give it the job of prometheus/prometheus.yml');
  if (up < targets) return fail('Prometheus', `${url} reads ${up} of ${targets} exporters`, `See ${url}/targets`);
  return ok('Prometheus', `${url} reads ${targets === 1 ? 'the exporter' : `${targets} exporters`}`);
}
