import { collector } from '../collector.ts';
import { counter, type Family, gauge } from '../family.ts';

/** The only MPTcpExt entry that goes down again (net/mptcp/mib.h). */
const GAUGE = 'MPCurrEstab';

/** More names than this are not exposed; the newest kernel has under a hundred. */
const NAME_LIMIT = 512;

/** Every MPTcpExt counter of this network namespace by its name, unknown names too (/proc/net/netstat). */
export const mib = collector('mib', ['mib'], {}, ({ picture: { snapshot } }, _emit, dynamic) => {
  const counters = [...(snapshot.mib?.value ?? [])].slice(0, NAME_LIMIT);
  for (const [name, value] of counters) dynamic(familyOf(name))({}, value);
});

/** By the kernel's name; bounded, though a kernel's names do not change while it runs. */
const families = new Map<string, Family<never>>();

function familyOf(name: string): Family<never> {
  let family = families.get(name);
  if (family === undefined) {
    const snake = snakeCase(name);
    family =
      name === GAUGE
        ? gauge(`mptcp_mib_${snake}`, `MPTcpExt ${name}, from /proc/net/netstat.`)
        : counter(`mptcp_mib_${snake}_total`, `MPTcpExt ${name}, from /proc/net/netstat.`);
    if (families.size < NAME_LIMIT) families.set(name, family);
  }
  return family;
}

/** `MPJoinSynRx` → `mp_join_syn_rx`, `DSSNoMatchTCP` → `dss_no_match_tcp`; anything not a letter or digit becomes `_`. */
export function snakeCase(name: string): string {
  return name
    .replaceAll('HMac', 'Hmac') // one word, or promtool takes the h for hours
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase();
}
