import { z } from 'zod';
import { DEFAULT_HEALTH_SETTINGS as DEFAULTS, type HealthSettings } from '../mptcp/health/settings.ts';
import type { DurationBounds } from './duration.ts';
import { described } from './explain.ts';
import * as fields from './fields.ts';
import { section } from './section.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function seconds(byDefault: number, bounds: DurationBounds) {
  return fields.seconds(bounds).default(byDefault);
}

function number(byDefault: number, expected: string, fits: (value: number) => boolean) {
  return z
    .number()
    .refine(fits, { error: ({ input }) => `expected ${expected}, got ${described(input)}` })
    .default(byDefault);
}

/** YAML 1.1 reads `off` as false. */
const confirm = z
  .unknown()
  .transform((input, context): HealthSettings['confirm'] => {
    if (input === 'connect') return input;
    if (input === 'off' || input === false) return 'off';
    context.addIssue({ code: 'custom', message: `expected connect or off, got ${described(input)}` });
    return z.NEVER;
  })
  .default(DEFAULTS.confirm);

/** The section `health:`, each key with its default. */
export const healthSection: z.ZodType<HealthSettings> = section({
  confirm,
  // A shorter one would leave a check no time for the SYN that the kernel repeats after a second.
  check_interval: seconds(DEFAULTS.checkIntervalSeconds, { minimumMs: 2000, maximumMs: HOUR }),
  stalled_after: seconds(DEFAULTS.stalledSeconds, { minimumMs: 200, maximumMs: MINUTE }),
  silent_after: seconds(DEFAULTS.silentSeconds, { minimumMs: 200, maximumMs: MINUTE }),
  missing_after: seconds(DEFAULTS.missingSeconds, { minimumMs: 1000, maximumMs: HOUR }),
  high_loss_ratio: number(DEFAULTS.highLossRatio, 'a number above 0 and up to 1, such as 0.05 for 5 %', (ratio) => {
    return ratio > 0 && ratio <= 1;
  }),
  high_rtt_factor: number(DEFAULTS.highRttFactor, 'a number above 1 and up to 100, such as 3', (factor) => {
    return factor > 1 && factor <= 100;
  }),
  high_rtt_margin: seconds(DEFAULTS.highRttMarginSeconds, { minimumMs: 1, maximumMs: MINUTE }),
  degraded_after: seconds(DEFAULTS.degradedSeconds, { minimumMs: 1000, maximumMs: HOUR }),
  recovered_after: seconds(DEFAULTS.recoveredSeconds, { minimumMs: 1000, maximumMs: HOUR }),
}).transform((keys): HealthSettings => {
  return {
    confirm: keys.confirm,
    checkIntervalSeconds: keys.check_interval,
    stalledSeconds: keys.stalled_after,
    silentSeconds: keys.silent_after,
    missingSeconds: keys.missing_after,
    highLossRatio: keys.high_loss_ratio,
    highRttFactor: keys.high_rtt_factor,
    highRttMarginSeconds: keys.high_rtt_margin,
    degradedSeconds: keys.degraded_after,
    recoveredSeconds: keys.recovered_after,
  };
});
