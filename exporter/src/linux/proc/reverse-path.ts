import { isMissing, readText } from './read.ts';

/**
 * What an interface does with IPv4 packets whose sender it would not answer that way (`rp_filter` of
 * Documentation/networking/ip-sysctl.rst): 0 takes them, 1 drops them, 2 drops them only when there is no way back at all. The
 * greater of the interface's own setting and that for all counts; undefined when there is no such interface. Throws what
 * {@link readText} throws.
 */
export async function reversePathFilter(procfs: string, interfaceName: string): Promise<number | undefined> {
  const settings = ['all', interfaceName].map(async (name) => {
    // A VLAN's dot is a slash in the sysctl's name only, not in the file's.
    const text = await readText(`${procfs}/sys/net/ipv4/conf/${name}/rp_filter`, 64);
    return Number(text.trim());
  });
  try {
    return Math.max(...(await Promise.all(settings)));
  } catch (caught) {
    if (isMissing(caught)) return undefined;
    throw caught;
  }
}
