import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { alertingRules, queriesInText, RULES, recordingRules } from '../support/rules.ts';

const RUNBOOKS = new URL('../../docs/runbooks/', import.meta.url);
const TESTS = new URL('../../prometheus/tests/', import.meta.url);
const text = (file: URL) => readFileSync(file, 'utf8');

interface AlertTests {
  readonly tests: readonly {
    readonly alert_rule_test?: readonly {
      readonly eval_time: string;
      readonly alertname: string;
      readonly exp_alerts?: readonly unknown[];
    }[];
  }[];
}

const byName = alertingRules.map((rule) => [rule.alert, rule] as const);

describe('each alert', () => {
  it('has a name of its own', () => {
    const names = alertingRules.map(({ alert }) => alert);
    expect(names).toHaveLength(20);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(byName)('%s says how grave it is, how long it waits, and in words what is wrong and why', (_, rule) => {
    expect(['critical', 'warning', 'info']).toContain(rule.labels.severity);
    expect(rule.for).toMatch(/^\d+[smh]$/);
    const { summary = '', description = '' } = rule.annotations;
    expect(summary.length).toBeGreaterThan(10);
    expect(description.length).toBeGreaterThan(summary.length);
    // A reason, and a value or labels: the Watchdog alone has none.
    expect(description).toMatch(/[Rr]eason|\.Labels\.reason|fallback/);
    if (rule.alert !== 'Watchdog') expect(description).toMatch(/\$value|\$labels/);
  });

  it.each(byName)('%s is the same alert when its reason or a state changes', (_, { expr, labels }) => {
    expect(Object.keys(labels)).toEqual(['severity']);
    // What selects by state or reason takes that label off, or counts over it.
    if (/^\s*\(?(path_state:|mptcp_path_state)/.test(expr)) expect(expr).toMatch(/^(max|count|sum) without/);
  });

  it.each(byName)('%s has a runbook: symptom, meaning, how to check with commands, how to fix', (name, rule) => {
    expect(rule.annotations.runbook_url).toBe(`docs/runbooks/${name}.md`);
    const runbook = text(new URL(`${name}.md`, RUNBOOKS));
    const headings = [...runbook.matchAll(/^#+ .+$/gm)].map(([line]) => line);
    expect(headings).toEqual([`# ${name}`, '## Symptom', '## What it means', '## How to check', '## How to fix']);
    expect(runbook).toMatch(/## How to check\n\n```sh\n[^`]+\n```\n/);
    for (const [, link = ''] of runbook.matchAll(/\]\(([^)]+\.md)\)/g))
      expect(existsSync(new URL(link, RUNBOOKS)), link).toBe(true);
  });

  it.each(byName)('%s has a rule test in which it fires, does not, and stops', (name) => {
    const { tests } = parse(text(new URL(`${name}.yml`, TESTS))) as AlertTests;
    const fires = tests.map(({ alert_rule_test = [] }) =>
      alert_rule_test.filter(({ alertname }) => alertname === name).map(({ exp_alerts = [] }) => exp_alerts.length > 0),
    );
    expect(fires.flat()).toContain(true);
    if (name === 'Watchdog') return;
    // An innocent case: nothing but silence in one test. And silence after it fired in another.
    expect(fires.some((asked) => asked.length > 0 && !asked.includes(true))).toBe(true);
    expect(fires.some((asked) => asked.join().includes('true,false'))).toBe(true);
  });
});

it('there is no runbook and no rule test without its rule', () => {
  const names = alertingRules.map(({ alert }) => alert);
  expect(readdirSync(RUNBOOKS).sort()).toEqual(names.map((name) => `${name}.md`).sort());
  const tests = readdirSync(TESTS).filter((name) => /^[A-Z]/.test(name));
  expect(tests.sort()).toEqual(names.map((name) => `${name}.yml`).sort());
});

describe('each recording rule', () => {
  it.each(recordingRules.map(({ record }) => record))('%s is named level:metric:operations', (record) => {
    expect(record).toMatch(/^[a-z_]+:mptcp_[a-z_]+:[a-z0-9_]+$/);
  });

  it('has a name of its own', () => {
    expect(new Set(recordingRules.map(({ record }) => record)).size).toBe(recordingRules.length);
  });
});

it('nothing counts from the boot or the start of a program', () => {
  // A bare counter may only be the argument of a function over time, or one of the books' own.
  for (const { expr, alert } of alertingRules)
    for (const [counter] of expr.matchAll(/\bmptcp_\w+_total\b(?:\{[^}]*\})?(?!\{|\[|\w)/g))
      expect.fail(`${alert} takes ${counter} as it stands`);
});

it('uses nothing that Prometheus 2.42 lacks', () => {
  const all = readdirSync(RULES).map((name) => text(new URL(name, RULES)));
  for (const word of [
    'limitk',
    'info(',
    'double_exponential_smoothing',
    'mad_over_time',
    'sort_by_label',
    'query_offset',
  ])
    for (const file of all) expect(file).not.toContain(word);
  expect(alertingRules.flatMap(queriesInText).length).toBeGreaterThan(20);
});
