import { z } from 'zod';
import { size } from '../fields.ts';
import { section } from '../section.ts';
import { type BudgetSettings, type ByteBudget, DEFAULT_BUDGET } from './settings.ts';

const amount = size({ minimumBytes: 0, maximumBytes: 1e15 });

const amounts = { day: amount.exactOptional(), month: amount.exactOptional() };

function budgetOf({ day, month }: { readonly day?: number; readonly month?: number }): ByteBudget {
  return { ...(day !== undefined && { dayBytes: day }), ...(month !== undefined && { monthBytes: month }) };
}

/** The section `probe_budget:`. */
export const budgetSection: z.ZodType<BudgetSettings> = section({
  ...amounts,
  paths: z.record(z.string(), section(amounts).transform(budgetOf)).default({}),
  state_file: z
    .string()
    .refine((name) => name.startsWith('/'), { error: 'expected the name of a file, from / on' })
    .default(DEFAULT_BUDGET.stateFile),
}).transform(({ paths, state_file: stateFile, ...all }): BudgetSettings => {
  return { ...budgetOf(all), paths: new Map(Object.entries(paths)), stateFile };
});
