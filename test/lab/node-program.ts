import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** The command that runs a TypeScript file with this Node.js, wherever it is started. */
export const nodeProgram = (file: URL): [string, ...string[]] => [
  process.execPath,
  '--import',
  TSX,
  fileURLToPath(file),
];
