import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
/** Packages are found from there. */
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/mptcp-lab', import.meta.url));

/** The command that runs a TypeScript file with this Node.js, wherever it is started. */
export const nodeProgram = (file: URL): [string, ...string[]] => [
  process.execPath,
  '--import',
  TSX,
  fileURLToPath(file),
];

const compiled = new Map<string, string>();

/**
 * The same for a program that is started hundreds of times: this process makes one file of it and what it imports once, and
 * each start is spared three quarters of its processor time. Its `import.meta.url` is that file's.
 */
export function compiledProgram(file: URL): [string, ...string[]] {
  const source = fileURLToPath(file);
  const program = compiled.get(source) ?? compile(source);
  compiled.set(source, program);
  return [process.execPath, program];
}

function compile(source: string): string {
  const { outputFiles } = buildSync({
    entryPoints: [source],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    write: false,
    logLevel: 'silent', // what is wrong with it is thrown
  });
  const folder = join(CACHE, basename(dirname(source)));
  const program = join(folder, basename(source).replace(/\.ts$/, '.mjs'));
  mkdirSync(folder, { recursive: true });
  // Others may be starting what they have compiled from the same sources.
  const mine = `${program}.${process.pid}`;
  writeFileSync(mine, outputFiles[0]?.contents ?? '');
  renameSync(mine, program);
  return program;
}
