#!/usr/bin/env node
import { readBuildInfo, versionLine } from './cli/build-info.ts';
import { gatherFacts } from './cli/doctor/gather.ts';
import { doctor } from './cli/doctor.ts';
import { addCommand, addServe, createProgram, runProgram } from './cli/flags.ts';
import { onTerminal } from './cli/on-terminal.ts';
import { reflect } from './cli/reflector.ts';
import { addReflector } from './cli/reflector-flags.ts';
import { serve } from './cli/serve.ts';
import { status } from './cli/status.ts';
import { asExporterError } from './errors.ts';
import { OPTIONAL_COLLECTORS } from './metrics/collectors/index.ts';

/** Exit status of a program that could not start, as the flags' contract says. */
const CANNOT_START = 2;

const build = readBuildInfo();
const program = createProgram(versionLine(build), (text) => process.stdout.write(text));
addServe(program, OPTIONAL_COLLECTORS, (options) => serve(options, build));
addReflector(program, (options) => reflect(options, build));
addCommand(
  program,
  'status',
  'Show paths, connections and subflows: those of the running exporter, else by a look of its own.',
  { json: 'Print JSON, all of it.', watch: 'Show it again each second, until Ctrl-C.' },
  (on) => onTerminal((terminal) => status({ ...on, ...terminal, build })),
);
addCommand(
  program,
  'doctor',
  'Check how this machine is set up for MPTCP and for watching it, and say what to do.',
  { json: 'Print JSON.' },
  (on) => onTerminal(async ({ write }) => doctor(await gatherFacts(), { ...on, write })),
);

try {
  await runProgram(program, process.argv.slice(2));
} catch (caught) {
  process.stderr.write(`mptcp-exporter: ${asExporterError(caught).line}\n`);
  process.exitCode = CANNOT_START;
}
