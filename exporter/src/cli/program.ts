import { asExporterError } from '../errors.ts';
import { OPTIONAL_COLLECTORS } from '../metrics/collectors/index.ts';
import { readBuildInfo, versionLine } from './build-info.ts';
import { gatherFacts } from './doctor/gather.ts';
import { doctor } from './doctor.ts';
import { addCommand, addServe, createProgram, runProgram } from './flags.ts';
import { onTerminal } from './on-terminal.ts';
import { reflect } from './reflector.ts';
import { addReflector } from './reflector-flags.ts';
import { serve } from './serve.ts';
import { status } from './status.ts';

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
