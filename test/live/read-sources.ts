import { assemble } from '../../exporter/src/mptcp/assemble.ts';
import { PARTS, type Snapshot } from '../../exporter/src/mptcp/model.ts';
import { pathMatcher } from '../../exporter/src/mptcp/path-rules.ts';
import { openNetlinkSource } from '../../exporter/src/source/netlink.ts';
import type { Source } from '../../exporter/src/source/source.ts';
import { openSsSource } from '../../exporter/src/source/ss.ts';

// Run inside a network namespace, because a process cannot enter one after its start: reads the kernel through netlink, ss
// and netlink again, as often as its argument says, and prints the looks as JSON.

/** What JSON makes of a value: maps are objects. */
export type Plain<T> =
  T extends ReadonlyMap<string, infer V>
    ? Readonly<Record<string, Plain<V>>>
    : T extends readonly (infer E)[]
      ? readonly Plain<E>[]
      : T extends object
        ? { readonly [K in keyof T]: Plain<T[K]> }
        : T;

/** One look through ss, and those through netlink right before and after it. */
export interface Look {
  readonly before: Plain<Snapshot>;
  readonly ss: Plain<Snapshot>;
  readonly after: Plain<Snapshot>;
}

async function read(source: Source): Promise<Snapshot> {
  return assemble(await source.read(new Set(PARTS)), { rules: [], match: pathMatcher([]) });
}

const options = { procfs: '/proc' };
const [netlink, ss] = [await openNetlinkSource(options), await openSsSource(options)];
const looks = [];
for (let count = Number(process.argv[2]); count > 0; count--) {
  looks.push({ before: await read(netlink), ss: await read(ss), after: await read(netlink) });
}
netlink.close();
ss.close();
const plain = (_key: string, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value);
process.stdout.write(JSON.stringify(looks, plain));
