import { describe, it } from 'vitest';
import { labUnavailable } from './available.ts';

const noLab = await labUnavailable();

/**
 * A `describe` for tests on a lab. Where no lab can be made, or `lacking` names something else they need, they are skipped
 * and say why; with `MPTCP_TEST_REQUIRE_LIVE=1` they fail instead.
 */
export function describeLive(name: string, tests: () => void, lacking?: string): void {
  const reason = noLab ?? lacking;
  if (reason === undefined) describe(name, tests);
  else if (process.env.MPTCP_TEST_REQUIRE_LIVE === '1') {
    describe(name, () => {
      it('can run here', () => {
        throw new Error(`${name}: ${reason}, and MPTCP_TEST_REQUIRE_LIVE=1 forbids skipping`);
      });
    });
  } else {
    console.warn(`skipped: ${name}: ${reason}`);
    describe.skip(`${name} (skipped: ${reason})`, tests); // a machine that cannot make a lab: the reason is in the name
  }
}
