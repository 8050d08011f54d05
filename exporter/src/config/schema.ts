import { z } from 'zod';
import { DEFAULT_HEALTH_SETTINGS, type HealthSettings } from '../mptcp/health/settings.ts';
import type { PathRule } from '../mptcp/model.ts';
import { UNKNOWN_PATH } from '../mptcp/path-rules.ts';
import { healthSection } from './health.ts';
import { asNetwork } from './network.ts';
import { budgetSection } from './probes/budget.ts';
import { probesSection } from './probes/schema.ts';
import { type BudgetSettings, DEFAULT_BUDGET, MPTCP_PATH, type ProbeSettings } from './probes/settings.ts';
import { section } from './section.ts';
import { meant, shown } from './words.ts';

/** Everything `--config.file` can say. */
export interface Configuration {
  /** In the order of the file, which is the order of precedence; empty: one path per interface. */
  readonly paths: readonly PathRule[];
  readonly health: HealthSettings;
  readonly probes: readonly ProbeSettings[];
  readonly probeBudget: BudgetSettings;
}

/** Most path rules: each subflow is matched against each. */
const MAXIMUM_PATHS = 256;

/** Names that mean something else where path names stand. */
const RESERVED_NAMES: ReadonlyMap<string, string> = new Map([
  [MPTCP_PATH, 'it stands for all paths together'],
  [UNKNOWN_PATH, 'it stands for subflows without a path'],
]);

const CRITERIA = ['interface', 'local', 'remote'] as const;

/** Text for people that also makes a readable label value. */
function label(maximum: number): z.ZodString {
  const expected = `expected 1 to ${maximum} letters, digits, spaces and . _ : @ / + -, first a letter or digit, last no space`;
  const fits = (text: string) => {
    return [...text].length <= maximum && /^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._:@/+-]*$/u.test(text) && !text.endsWith(' ');
  };
  return z.string().refine(fits, { error: ({ input }) => `${expected}, got ${shown(String(input))}` });
}

/** Most networks of one criterion: each address is matched against each. */
const MAXIMUM_NETWORKS = 64;

/** One network, or a list of them, since a path often has an IPv4 and an IPv6 one. */
const networks = z.unknown().transform((input, context): string | string[] => {
  const found = [input].flat().map((one, index) => {
    const network = typeof one === 'string' ? asNetwork(one) : undefined;
    if (network === undefined) {
      const message = `expected an address or network such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/64, got ${shown(String(one))}`;
      context.addIssue({ code: 'custom', message, path: Array.isArray(input) ? [index] : [] });
    }
    return network ?? '';
  });
  if (found.length === 0 || found.length > MAXIMUM_NETWORKS) {
    context.addIssue({ code: 'custom', message: `expected 1 to ${MAXIMUM_NETWORKS} networks, got ${found.length}` });
  }
  return Array.isArray(input) ? found : (found[0] ?? '');
});

const pathRule = section({
  name: label(64).refine((name) => !RESERVED_NAMES.has(name.toLowerCase()), {
    error: ({ input }) => {
      const name = String(input);
      return `expected another name than ${name}: ${RESERVED_NAMES.get(name.toLowerCase())}`;
    },
  }),
  interface: z
    .string()
    .refine((name) => /^(?!\.{1,2}$)[^\s/:\p{C}]+$/u.test(name) && Buffer.byteLength(name) < 16, {
      error: ({ input }) => `expected the name of a network interface such as eth0, got ${shown(String(input))}`,
    })
    .exactOptional(),
  local: networks.exactOptional(),
  remote: networks.exactOptional(),
  access: label(32).exactOptional(),
  metered: z.boolean().exactOptional(),
}).refine((rule) => CRITERIA.some((criterion) => rule[criterion] !== undefined), {
  error: `expected at least one of ${CRITERIA.join(', ')}, to tell which subflows belong to the path`,
});

const paths = z
  .array(pathRule)
  .max(MAXIMUM_PATHS, { error: `expected at most ${MAXIMUM_PATHS} paths` })
  .superRefine((rules, context) => {
    const seen = new Map<string, number>();
    for (const [index, { name }] of rules.entries()) {
      const first = seen.get(name);
      if (first === undefined) seen.set(name, index);
      else {
        const message = `expected a name of its own, ${name} is also the name of paths[${first}]`;
        context.addIssue({ code: 'custom', path: [index, 'name'], message });
      }
    }
  });

/** The shape of `--config.file`: one entry per section, each with its default. */
export const configurationSchema: z.ZodType<Configuration> = section({
  paths: paths.default([]),
  health: healthSection.default(DEFAULT_HEALTH_SETTINGS),
  probes: probesSection.default([]),
  probe_budget: budgetSection.default(DEFAULT_BUDGET),
}).transform(({ probe_budget: probeBudget, ...rest }, context): Configuration => {
  const { paths: rules, probes } = rest;
  const known = rules.map(({ name }) => name);
  const check = (name: string, path: PropertyKey[]) => {
    // Without rules each interface is a path, and interfaces come and go.
    if (known.length === 0 || known.includes(name)) return;
    const guess = meant(name, known);
    const expected = `expected the name of a path, one of ${known.slice(0, 8).join(', ')}, got ${shown(name)}`;
    const message = `${expected}${guess === undefined ? '' : ` (did you mean ${guess}?)`}`;
    context.addIssue({ code: 'custom', path, message });
  };
  for (const [index, probe] of probes.entries()) {
    for (const [place, name] of (probe.paths ?? []).entries()) check(name, ['probes', index, 'paths', place]);
  }
  for (const name of probeBudget.paths.keys()) check(name, ['probe_budget', 'paths', name]);
  return { ...rest, probeBudget };
});
