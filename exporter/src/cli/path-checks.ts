import type { ErrorTally } from '../error-tally.ts';
import { asExporterError } from '../errors.ts';
import { connectCheck } from '../linux/connect-check.ts';
import { type Libc, loadLibc } from '../linux/libc.ts';
import type { HealthSettings } from '../mptcp/health/settings.ts';
import type { CheckResult } from '../mptcp/health/states.ts';
import { PathChecks } from '../observer/path-checks.ts';
import { checkLog, type HealthLog } from './health-log.ts';

/** Whom the checks of paths tell. */
interface Wiring {
  readonly settings: Pick<HealthSettings, 'confirm'>;
  readonly log: HealthLog;
  readonly errors: ErrorTally;
  readonly onResult: (result: CheckResult) => void;
  /** Exists for tests. */
  readonly load?: () => Promise<Libc>;
}

/** The checks of paths; nothing where the configuration wants none, or where libc cannot be called, which is logged. */
export async function openPathChecks(wiring: Wiring): Promise<PathChecks | undefined> {
  const { settings, log, errors, onResult, load = loadLibc } = wiring;
  if (settings.confirm === 'off') return undefined;
  let libc: Libc;
  try {
    libc = await load();
  } catch (caught) {
    const { code, message } = asExporterError(caught);
    errors.count('health', code);
    log.warn({ code }, `paths cannot be checked, so that a suspicion only makes one degraded: ${message}`);
    return undefined;
  }
  const { failed, made } = checkLog(log);
  return new PathChecks({
    connect: (request, signal) => connectCheck(libc, request, signal),
    onResult: (result) => {
      made(result.path);
      onResult(result);
    },
    onFailure: (error, path) => {
      errors.count('health', error.code);
      failed(error, path);
    },
  });
}
