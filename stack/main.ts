import { parseOptions } from './options.ts';
import { runStack } from './stack.ts';
import { StackError } from './stack-error.ts';

// `npm run stack`: the exporter, Prometheus, Alertmanager and Grafana from the programs on PATH, with the shipped configuration,
// until Ctrl-C. Exit status 0 after that, 2 with one line when it cannot start here, 1 when one of them broke.

const print = (text: string) => console.log(text);

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), (text) => process.stdout.write(text));
  if (options === undefined) return 0;
  const stop = new AbortController();
  // Not `once`: a terminal and npm may both send it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  await runStack(options, stop.signal, print);
  print('stopped');
  return 0;
}

try {
  process.exit(await main());
} catch (error) {
  console.error(error instanceof StackError ? error.message : error);
  process.exit(error instanceof StackError ? error.status : 1);
}
