import { readFileSync } from 'node:fs';

/** What every lab sets in both namespaces, whatever the machine's own settings are. */
export function labSysctls(): Record<string, string | number> {
  return {
    'net.mptcp.enabled': 1,
    'net.mptcp.checksum_enabled': 0,
    'net.mptcp.allow_join_initial_addr_port': 1,
    'net.mptcp.add_addr_timeout': 120,
    'net.mptcp.stale_loss_cnt': 4,
    'net.mptcp.pm_type': 0,
    'net.mptcp.scheduler': 'default',
    // Lost SYNs must not turn MPTCP off for the rest of a lab's life.
    'net.mptcp.blackhole_timeout': 0,
    'net.ipv4.conf.all.rp_filter': 0,
    'net.ipv4.conf.default.rp_filter': 0,
    // What one connection learns about a path must not shape the next.
    'net.ipv4.tcp_no_metrics_save': 1,
    'net.ipv4.tcp_max_syn_backlog': 16_384,
    'net.core.somaxconn': 16_384,
    'net.ipv4.tcp_congestion_control': congestionControl(),
    'net.ipv6.conf.all.disable_ipv6': 0,
    'net.ipv6.conf.default.disable_ipv6': 0,
    'net.ipv6.conf.all.accept_dad': 0,
    'net.ipv6.conf.default.accept_dad': 0,
    'net.ipv6.conf.default.accept_ra': 0,
    'net.ipv6.conf.default.router_solicitations': 0,
  };
}

/** Cubic, as most machines use, or reno where a namespace may not choose cubic; BBR misjudges a link when the machine is busy. */
function congestionControl(): string {
  const allowed = readFileSync('/proc/sys/net/ipv4/tcp_allowed_congestion_control', 'utf8').trim().split(' ');
  return allowed.includes('cubic') ? 'cubic' : 'reno';
}
