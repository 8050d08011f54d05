import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { StackError } from './stack-error.ts';

/** The programs of the stack. */
export type Part = 'exporter' | 'prometheus' | 'alertmanager' | 'grafana';

/** Ports of 127.0.0.1, by program. */
export type Ports = Readonly<Record<Part, number>>;

/** Where the shipped configuration expects each program. */
export const DEFAULT_PORTS: Ports = { exporter: 10262, prometheus: 9090, alertmanager: 9093, grafana: 3000 };

/** What the flags of `npm run stack` say, defaults filled in. */
export interface StackOptions {
  /** Absolute. */
  readonly data: string;
  readonly ports: Ports;
  /** Whether the exporter runs on the demo's links instead of this machine's. */
  readonly withLab: boolean;
  /** Flags that go to the exporter. */
  readonly exporterFlags: readonly string[];
}

const DEFAULT_DATA = fileURLToPath(new URL('../stack-data', import.meta.url));
const PARTS = Object.keys(DEFAULT_PORTS) as readonly Part[];

/** Reads the arguments (without node and script); undefined after `--help`. Throws StackError 2 with one line that names the flag. */
export function parseOptions(args: readonly string[], write: (text: string) => void): StackOptions | undefined {
  const command = new Command('npm run stack --')
    .description(
      'Exporter, Prometheus, Alertmanager and Grafana on loopback, with the shipped configuration, until Ctrl-C.',
    )
    .usage('[flags] [-- flags of the exporter]')
    .helpOption('--help', 'Print this help.')
    .option('--data <dir>', 'where everything is kept: samples, silences, settings, logs', DEFAULT_DATA)
    .option(
      '--with-lab',
      'run the exporter on three shaped links with MPTCP traffic, as npm run demo does (root)',
      false,
    )
    .argument('[exporter-flags...]')
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: () => undefined });
  for (const part of PARTS) command.option(`--${part}-port <port>`, 'of 127.0.0.1', port, DEFAULT_PORTS[part]);
  try {
    command.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw new StackError(2, `${error.message.replace(/^error: /, '')}. npm run stack -- --help lists the flags`);
  }
  const ports = Object.fromEntries(PARTS.map((part) => [part, command.getOptionValue(`${part}Port`)])) as Ports;
  const options = {
    // npm changes to this folder, and tells where it was called.
    data: resolve(process.env.INIT_CWD ?? '', command.getOptionValue('data')),
    ports,
    withLab: command.getOptionValue('withLab') as boolean,
    exporterFlags: command.args,
  };
  checkTogether(options);
  return options;
}

function checkTogether({ ports, withLab, exporterFlags }: StackOptions): void {
  const stray = exporterFlags.find((flag) => !flag.startsWith('-'));
  if (stray !== undefined)
    throw new StackError(2, `unexpected "${stray}": flags of the exporter follow a -- of their own, as --flag=value`);
  if (withLab && exporterFlags.length > 0)
    throw new StackError(2, `${exporterFlags[0]}: the exporter takes no flags of yours with --with-lab`);
  if (exporterFlags.some((flag) => flag.startsWith('--web.')))
    throw new StackError(
      2,
      '--web.*: the stack reaches its exporter on loopback; choose the port with --exporter-port',
    );
  for (const [index, part] of PARTS.entries()) {
    const twin = PARTS.slice(0, index).find((other) => ports[other] === ports[part]);
    if (twin !== undefined) throw new StackError(2, `--${part}-port: ${ports[part]} is --${twin}-port already`);
  }
}

function port(text: string): number {
  const number = Number(text);
  if (!/^\d{1,5}$/.test(text) || number < 1 || number > 65_535)
    throw new InvalidArgumentError('Expected a port from 1 to 65535');
  return number;
}
