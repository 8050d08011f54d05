import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** A rule that records a metric. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

/** A rule that alerts. */
export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly (RecordingRule | AlertingRule)[] }[];
}

/** Where the shipped rules are. */
export const RULES = new URL('../../prometheus/rules/', import.meta.url);

const files = readdirSync(RULES).map((name) => parse(readFileSync(new URL(name, RULES), 'utf8')) as RuleFile);

/** Every shipped rule, in the order of files and groups. */
const rules = files.flatMap(({ groups }) => groups.flatMap(({ rules }) => rules));

/** Every shipped rule that records. */
export const recordingRules = rules.filter((rule): rule is RecordingRule => 'record' in rule);

/** Every shipped rule that alerts. */
export const alertingRules = rules.filter((rule): rule is AlertingRule => 'alert' in rule);

/** PromQL inside of annotations (`printf "…" … | query`), its placeholders filled in; and each annotation's name. */
export function queriesInText({ annotations }: AlertingRule): string[] {
  return Object.values(annotations).flatMap((text) =>
    [...text.matchAll(/printf ("(?:[^"\\]|\\.)*")[^|}]*\| query/g)].map(([, quoted = '""']) =>
      (JSON.parse(quoted) as string).replaceAll('%q', '"x"'),
    ),
  );
}
