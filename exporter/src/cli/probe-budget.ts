import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { type BudgetSettings, DEFAULT_BUDGET } from '../config/probes/settings.ts';
import type { ErrorTally } from '../error-tally.ts';
import { asExporterError, ExporterError } from '../errors.ts';
import type { Libc } from '../linux/libc.ts';
import { StateFile } from '../linux/state-file.ts';
import { hasBudget, PathBudget } from '../probe/budget/budget.ts';
import type { HealthLog } from './health-log.ts';

const REMEDY = 'Name a file that the exporter may write, in a directory of its own, by probe_budget.state_file.';

/** The budget of probes; nothing where the configuration has no bound. */
export function openBudget(
  settings: BudgetSettings,
  { libc, log, errors }: { readonly libc: () => Promise<Libc>; readonly log: HealthLog; readonly errors: ErrorTally },
): PathBudget | undefined {
  if (!hasBudget(settings)) return undefined;
  const path = stateFileOf(settings, { uid: process.getuid?.(), environment: process.env, home: homedir() });
  return new PathBudget({
    settings,
    open: async () => {
      try {
        return await StateFile.open(await libc(), path);
      } catch (caught) {
        const error = asExporterError(caught);
        if (error.code !== 'unwritable') throw error;
        throw new ExporterError(error.code, error.message, { remedy: REMEDY, cause: error });
      }
    },
    onProblem: (error) => {
      errors.count('probes', error.code);
      log.warn({ code: error.code }, error.line);
    },
  });
}

/**
 * Where the account is kept. Unless the configuration names a place: in systemd's StateDirectory, else for root in /var/lib,
 * for others among their own state (XDG Base Directory Specification).
 */
export function stateFileOf(
  { stateFile }: Pick<BudgetSettings, 'stateFile'>,
  {
    uid,
    environment,
    home,
  }: {
    readonly uid: number | undefined;
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly home: string;
  },
): string {
  if (stateFile !== DEFAULT_BUDGET.stateFile) return stateFile;
  const [given = ''] = (environment.STATE_DIRECTORY ?? '').split(':');
  if (given.startsWith('/')) return join(given, basename(stateFile));
  if (uid === 0) return stateFile;
  const { XDG_STATE_HOME: state = '' } = environment;
  return join(state.startsWith('/') ? state : join(home, '.local/state'), 'mptcp-exporter', basename(stateFile));
}
