#!/usr/bin/env node
import { readBuildInfo, versionLine } from './cli/build-info.ts';
import { addServe, createProgram, runProgram } from './cli/flags.ts';
import { reflect } from './cli/reflector.ts';
import { addReflector } from './cli/reflector-flags.ts';
import { serve } from './cli/serve.ts';
import { asExporterError } from './errors.ts';
import { OPTIONAL_COLLECTORS } from './metrics/collectors/index.ts';

/** Exit status of a program that could not start, as the flags' contract says. */
const CANNOT_START = 2;

const build = readBuildInfo();
const program = createProgram(versionLine(build), (text) => process.stdout.write(text));
addServe(program, OPTIONAL_COLLECTORS, (options) => serve(options, build));
addReflector(program, (options) => reflect(options, build));

try {
  await runProgram(program, process.argv.slice(2));
} catch (caught) {
  process.stderr.write(`mptcp-exporter: ${asExporterError(caught).line}\n`);
  process.exitCode = CANNOT_START;
}
