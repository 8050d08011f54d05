import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { asExporterError } from '../errors.ts';

const BCRYPT = createRequire(import.meta.url).resolve('bcryptjs');

/** Longest a check may take, in milliseconds: cost 14 takes about a second. */
const TIMEOUT_MS = 10_000;

// Text, because a worker file would have to be found both as TypeScript and as what is built from it.
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
parentPort.postMessage(require(workerData.bcrypt).compareSync(workerData.password, workerData.hash));
`;

/**
 * Whether `hash` (bcrypt) is of `password`, computed in a thread of its own: in JavaScript it takes 50 to 1000 ms during which
 * this thread would answer nobody. Throws ExporterError `internal` when the thread fails.
 */
export function bcryptMatches(password: string, hash: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(PROGRAM, {
      eval: true,
      execArgv: [],
      workerData: { bcrypt: BCRYPT, password, hash },
      resourceLimits: { maxOldGenerationSizeMb: 32 },
    });
    const timer = setTimeout(() => worker.terminate(), TIMEOUT_MS);
    timer.unref();
    worker.unref();
    worker.once('message', (matches: unknown) => resolve(matches === true));
    worker.once('error', (caught) => reject(asExporterError(caught)));
    worker.once('exit', () => {
      clearTimeout(timer);
      reject(asExporterError('a password check ended without an answer')); // does nothing after an answer
    });
  });
}
