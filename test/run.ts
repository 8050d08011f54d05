/**
 * `npm test`: everything, in the order in which a failure is cheapest to see. Installs the Debian packages the live
 * tests need when it may, and says at the end what was skipped and why.
 * MPTCP_TEST_REQUIRE_LIVE=1 turns a skipped live test into a failure.
 */
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { installPackages } from './packages.ts';

interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Where the step leaves vitest's JSON report, when it is a test run. */
  readonly report?: string;
}

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const bin = (name: string) => join('node_modules', '.bin', name);
const reportFile = (name: string) => join(tmpdir(), `mptcp-exporter-test-${process.pid}-${name}.json`);

const vitest = (project: string): Step => ({
  name: `${project} tests`,
  command: [
    bin('vitest'),
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reportFile(project)}`,
  ],
  report: reportFile(project),
});

const STEPS: readonly Step[] = [
  { name: 'build', command: ['npm', 'run', '--silent', 'build'] },
  { name: 'lint', command: ['npm', 'run', '--silent', 'lint'] },
  { name: 'types', command: [bin('tsc'), '--noEmit'] },
  { name: 'layering', command: ['npm', 'run', '--silent', 'layering'] },
  { name: 'unused code', command: [bin('knip')] },
  { name: 'generated files', command: ['npm', 'run', '--silent', 'generate:check'] },
  vitest('unit'),
  // Not beside each other: on two processors the one's timing suffers, or the other's programs take too long to start.
  vitest('live'),
  vitest('stack'),
];

const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
const skips = new Set<string>();
const failures: string[] = [];

for (const line of await installPackages()) console.log(`packages: ${line}`);
for (const step of STEPS) await runStep(step);
conclude();

async function runStep({ name, command: [program, ...args], report }: Step): Promise<void> {
  const start = performance.now();
  const env = { MPTCP_TEST_BUILT: '1' };
  const { failed } = await execa(program, args, { stdio: ['ignore', 'inherit', 'inherit'], reject: false, env });
  console.log(`${failed ? 'FAILED' : 'ok'}: ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  if (failed) failures.push(name);
  if (report !== undefined) countTests(report);
  else counts[failed ? 'failed' : 'passed']++;
}

function countTests(report: string): void {
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    counts.passed += numPassedTests;
    counts.failed += numFailedTests;
    for (const { name, assertionResults } of testResults) {
      for (const { status, fullName } of assertionResults) {
        if (status === 'passed') continue;
        const test = `${name.replace(`${process.cwd()}/`, '')}: ${fullName}`;
        if (status === 'failed') {
          failures.push(test);
          continue;
        }
        counts.skipped++;
        skips.add(test);
      }
    }
  } catch {
    failures.push(`no test report at ${report}`);
  } finally {
    rmSync(report, { force: true });
  }
}

function conclude(): void {
  for (const line of skips) console.log(`skipped: ${line}`);
  for (const line of failures) console.log(`FAILED: ${line}`);
  // A step that broke without a failed test in its report is a failure all the same.
  if (failures.length > 0 && counts.failed === 0) counts.failed = failures.length;
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}
