import { COLLECTORS } from './collectors/index.ts';
import type { Family } from './family.ts';
import { SELF_FAMILIES } from './self.ts';

/** Prefix of the families whose names come from the kernel: `mptcp_mib_<snake_case>_total`, and one gauge. */
export const DYNAMIC_PREFIX = 'mptcp_mib_';

/** Every family this program exposes, those named by the kernel ({@link DYNAMIC_PREFIX}) aside. */
export function catalogue(): readonly Family[] {
  return [...SELF_FAMILIES, ...COLLECTORS.flatMap(({ families }) => families)];
}
