import { loadLibc } from './exporter/src/linux/libc.ts';
import { Reflector } from './exporter/src/reflector/reflector.ts';
import { DEFAULT_LIMITS } from './exporter/src/reflector/limits.ts';
import { throughput } from './exporter/src/probe/throughput.ts';
const report = (e: unknown) => console.error('REPORT', e);
const r = await Reflector.start({ addresses: [{ host: '127.0.0.1', port: 0 }], token: undefined, limits: { ...DEFAULT_LIMITS, bytesPerSecond: 10e6 }, libc: loadLibc, report });
console.log(r.addresses);
const port = r.addresses[0]!.port;
for (const direction of ['down', 'up'] as const) for (const protocol of ['tcp', 'mptcp']) {
  const meter = { s: 0, r: 0, sent(b: number) { this.s += b }, received(b: number) { this.r += b }, remaining: Infinity };
  const t = performance.now();
  const res = await throughput.run({
    settings: { type: 'throughput', target: { text: 'x', host: '127.0.0.1', port }, timetable: {} as any, timeoutSeconds: 10, directions: ['up', 'down'], mptcp: true, durationSeconds: 2 },
    path: 'lo', ...(protocol === 'tcp' && { interfaceName: 'lo' }), address: '127.0.0.1', timeoutSeconds: 10, signal: new AbortController().signal, meter, libc: loadLibc, run: undefined as any, leg: { direction }, pathOf: () => 'lo',
  });
  console.log(direction, protocol, JSON.stringify(res).slice(0, 300), meter.s, meter.r, performance.now() - t);
}
console.log([...r.tally.requests()], r.connections);
await r.close();
