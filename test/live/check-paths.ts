import { createInterface } from 'node:readline';
import { connectCheck } from '../../exporter/src/linux/connect-check.ts';
import { loadLibc } from '../../exporter/src/linux/libc.ts';
import type { CheckRequest } from '../../exporter/src/mptcp/health/states.ts';
import { PathChecks } from '../../exporter/src/observer/path-checks.ts';
import { openSockets } from '../support/descriptors.ts';

// The program that connect-check.test.ts runs inside a lab: makes the checks that come as JSON lines, a list of requests
// each, and prints what they bring, in seconds since they were begun. An empty list asks for the sockets that it holds open.

const libc = await loadLibc();
const print = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
let begun = 0;
const after = (now = performance.now() / 1000): number => now - begun;
const checks = new PathChecks({
  connect: (request, signal) => connectCheck(libc, request, signal),
  onResult: ({ path, alive, monotonicSeconds }) => print({ path, alive, after: after(monotonicSeconds) }),
  onFailure: ({ code, message }, path) => print({ path, code, message, after: after() }),
});
print({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const requests = JSON.parse(line) as CheckRequest[];
  begun = performance.now() / 1000;
  checks.start(requests);
  if (requests.length === 0) print({ sockets: openSockets() });
}
checks.stop();
