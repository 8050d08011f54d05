import type { Facts } from './doctor/facts.ts';
import type { Finding } from './doctor/finding.ts';
import { kernelFindings } from './doctor/kernel.ts';
import { pathManagerFindings } from './doctor/path-manager.ts';
import { watchingFindings } from './doctor/watching.ts';
import { table } from './table.ts';

/** Every check, in the order in which trouble in one explains trouble in the next. */
const CHECKS: readonly ((facts: Facts) => readonly Finding[])[] = [
  kernelFindings,
  pathManagerFindings,
  watchingFindings,
];

/** `doctor`: whether this machine is set up for MPTCP and for watching it. Gives the exit status: 1 when something fails. */
export function doctor(
  facts: Facts,
  { json, write }: { readonly json: boolean; readonly write: (text: string) => void },
): number {
  const findings = CHECKS.flatMap((check) => check(facts));
  write(json ? `${JSON.stringify({ findings })}\n` : `${findingsText(findings)}\n`);
  return findings.some(({ result }) => result === 'fail') ? 1 : 0;
}

/** The findings for a terminal: a line each, and under what is not well what to do. */
export function findingsText(findings: readonly Finding[]): string {
  const rows = findings.flatMap(({ check, result, message, remedy }) => [
    [result, check, message],
    ...(remedy === undefined ? [] : [['', '', `→ ${remedy}`]]),
  ]);
  const counts = (['fail', 'warn'] as const).map((result) => findings.filter((one) => one.result === result).length);
  const [failures = 0, warnings = 0] = counts;
  const verdict =
    failures + warnings === 0 ? 'all well' : `${count(failures, 'failure')}, ${count(warnings, 'warning')}`;
  return `${table(['', 'CHECK', 'FOUND'], rows)}\n\n${verdict}`;
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
