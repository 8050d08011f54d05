/**
 * Preloaded into an exporter under test (`NODE_OPTIONS=--import=…`, see looks.ts): writes what each look gave the health
 * judgement, and what came of it, to the file MPTCP_TEST_LOOKS, one line of JSON a look.
 */
import { openSync, writeSync } from 'node:fs';

// The exporter's own children inherit its environment.
const [, main = ''] = process.argv;
const file = process.env.MPTCP_TEST_LOOKS;
if (file !== undefined && main.endsWith('/exporter/dist/main.js')) await record(main, file);

async function record(program, path) {
  const { Health } = await import(new URL('mptcp/health/health.js', `file://${program}`).href);
  const descriptor = openSync(path, 'a');
  const { observe } = Health.prototype;
  Health.prototype.observe = function (input) {
    const report = observe.call(this, input);
    writeSync(descriptor, `${JSON.stringify(lookOf(input, report))}\n`);
    return report;
  };
}

/** Times as Unix time in seconds, so that they compare with another process's. */
function lookOf({ snapshot, events = [], checks = [] }, report) {
  const unix = (monotonicSeconds) => Math.round(performance.timeOrigin + 1000 * monotonicSeconds) / 1000;
  const { connections = [], subflows = [] } = snapshot.sockets.value ?? {};
  return {
    at: unix(snapshot.monotonicSeconds),
    paths: Object.fromEntries(
      [...report.paths].map(([name, { state, reasons }]) => [name, [state, ...reasons].join()]),
    ),
    connections: connections.map(({ socket }) => ({
      token: socket.token,
      state: socket.state,
      fallback: socket.fallback,
    })),
    subflows: subflows.map(({ key, path, socket }, index) => ({
      key,
      path,
      judged: report.subflows[index],
      token: socket.token,
      state: socket.state,
      local: socket.local,
      remote: socket.remote,
      flags: socket.flags,
      sendQueueBytes: socket.sendQueueBytes,
      ...pick(socket.tcp),
    })),
    ...(events.length > 0 && { events }),
    ...(checks.length > 0 && { checks: checks.map((one) => ({ ...one, at: unix(one.monotonicSeconds) })) }),
    ...(report.checks.length > 0 && { asked: report.checks }),
    ...(report.durations.length > 0 && { durations: report.durations }),
  };
}

function pick({
  sentBytes,
  acknowledgedBytes,
  receivedBytes,
  retransmittedBytes,
  rttSeconds,
  unacknowledgedSegments,
  lastDataSentSeconds,
  lastDataReceivedSeconds,
  lastAcknowledgementSeconds,
  retransmissionTimeoutSeconds,
  backoff,
}) {
  return {
    sentBytes,
    acknowledgedBytes,
    receivedBytes,
    retransmittedBytes,
    rttSeconds,
    unacknowledgedSegments,
    lastDataSentSeconds,
    lastDataReceivedSeconds,
    lastAcknowledgementSeconds,
    retransmissionTimeoutSeconds,
    backoff,
  };
}
