import { asExporterError } from '../errors.ts';
import type { RunOptions } from '../linux/tool/exec.ts';
import { failed, type LegRun, type ProbeFailure } from './probe.ts';
import { failureOf } from './reasons.ts';

/**
 * Runs a tool for a leg, by `mptcpize` over MPTCP, and gives what it wrote, or the failure: it is not installed, was ended,
 * or could not be run.
 */
export async function runTool(
  run: LegRun,
  program: string,
  args: readonly string[],
  options: Omit<RunOptions, 'timeoutMs' | 'signal' | 'quoteErrors'>,
): Promise<string | ProbeFailure> {
  const [first, ...rest] = run.interfaceName === undefined ? ['mptcpize', 'run', program] : [program];
  try {
    return await run.run(first ?? program, [...rest, ...args], {
      ...options,
      timeoutMs: run.timeoutSeconds * 1000,
      signal: run.signal,
      quoteErrors: true,
    });
  } catch (caught) {
    const failure = failureOf(caught);
    // mptcpize starts the tool itself, and says so when it is not there.
    const missing = first !== program && /No such file or directory/.test(failure.message);
    if (missing) return failed('tool_missing', `${program} is not installed or not in the PATH`);
    return asExporterError(caught).code === 'interrupted' ? failed('timeout', failure.message) : failure;
  }
}
