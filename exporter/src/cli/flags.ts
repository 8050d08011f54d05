import { Command, CommanderError, Option } from 'commander';
import {
  DEFAULT_LISTEN_ADDRESS,
  DEFAULT_PROCFS,
  DEFAULT_SAMPLE_INTERVAL_MS,
  DEFAULT_SUBFLOW_LIMIT,
  MAXIMUM_LISTEN_ADDRESSES,
  MAXIMUM_SUBFLOW_LIMIT,
  SAMPLE_INTERVAL_BOUNDS,
} from '../config/defaults.ts';
import { formatDuration, parseDuration } from '../config/duration.ts';
import { formatListenAddress, type ListenAddress, parseListenAddress } from '../config/listen-address.ts';
import { meant, shown } from '../config/words.ts';
import { ExporterError } from '../errors.ts';
import type { SourceName } from '../mptcp/model.ts';

const SOURCES = ['auto', 'netlink', 'ss', 'procfs'] as const satisfies readonly ('auto' | SourceName)[];
const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const LOG_FORMATS = ['logfmt', 'json'] as const;

/** What the flags of `serve` say, defaults filled in. */
export interface ServeOptions {
  readonly configFile?: string;
  /** At least one, no two the same. */
  readonly listenAddresses: readonly ListenAddress[];
  readonly webConfigFile?: string;
  readonly source: (typeof SOURCES)[number];
  readonly sampleIntervalMs: number;
  readonly subflowLimit: number;
  /** By collector name, every collector: whether it runs. */
  readonly collectors: Readonly<Record<string, boolean>>;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly logFormat: (typeof LOG_FORMATS)[number];
  readonly procfs: string;
}

/** The program without commands yet. `version` is the line of `--version`; `write` gets it and `--help`. */
export function createProgram(version: string, write: (text: string) => void): Command {
  return new Command('mptcp-exporter')
    .description('Prometheus exporter for Multipath TCP.')
    .version(version, '--version', 'Print the version.')
    .helpOption('--help', 'Print this help.')
    .usage('[command] [flags]')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: () => undefined }); // errors are thrown, and printed once, by the caller
}

/** Registers `serve`, the command that runs when none is named; `run` gets its flags. */
export function addServe(
  program: Command,
  collectors: readonly string[],
  run: (options: ServeOptions) => Promise<void> | void,
): void {
  const serve = program
    .command('serve', { isDefault: true })
    .description('Serve the metrics over HTTP (the default command).')
    .addOption(
      flag('config.file', 'FILE', 'Names of your paths, thresholds of their health, and probes, in YAML.', file),
    )
    .addOption(addressFlag('web.listen-address', 'Where to listen', DEFAULT_LISTEN_ADDRESS))
    .addOption(webConfigFlag())
    .addOption(choice('source', SOURCES, 'How to read the kernel.').default('auto'))
    .addOption(
      flag(
        'sample.interval',
        'DURATION',
        'How often to look between scrapes.',
        parsed((text) => parseDuration(text, SAMPLE_INTERVAL_BOUNDS)),
      ).default(DEFAULT_SAMPLE_INTERVAL_MS, formatDuration(DEFAULT_SAMPLE_INTERVAL_MS)),
    )
    .addOption(
      flag(
        'subflow.limit',
        'NUMBER',
        'Subflows with series of their own, the busiest first.',
        parsed(subflowLimit),
      ).default(DEFAULT_SUBFLOW_LIMIT),
    )
    .addOption(logLevelFlag())
    .addOption(logFormatFlag())
    .addOption(
      flag('path.procfs', 'DIRECTORY', 'Where proc is mounted.', file).default(DEFAULT_PROCFS, DEFAULT_PROCFS),
    );
  for (const name of collectors) {
    serve.addOption(new Option(`--collector.${name}`).default(true).hideHelp());
    serve.addOption(new Option(`--no-collector.${name}`, `Leave out the ${name} metrics.`));
  }
  finish(serve, program, () => {
    const value = <T>(name: string) => serve.getOptionValue(attribute(name)) as T;
    const configFile = value<string | undefined>('config.file');
    const webConfigFile = value<string | undefined>('web.config.file');
    return run({
      ...(configFile !== undefined && { configFile }),
      ...(webConfigFile !== undefined && { webConfigFile }),
      listenAddresses: value('web.listen-address'),
      source: value('source'),
      sampleIntervalMs: value('sample.interval'),
      subflowLimit: value('subflow.limit'),
      collectors: Object.fromEntries(collectors.map((name) => [name, value<boolean>(`collector.${name}`)])),
      logLevel: value('log.level'),
      logFormat: value('log.format'),
      procfs: value('path.procfs'),
    });
  });
  program.addHelpText('after', () => `\n${serve.helpInformation()}`);
}

/** Registers a command whose flags are switches, given by name with their help; `run` gets which of them are on. */
export function addCommand<Flag extends string>(
  program: Command,
  name: string,
  description: string,
  flags: Readonly<Record<Flag, string>>,
  run: (on: Readonly<Record<Flag, boolean>>) => Promise<void> | void,
): void {
  const names = Object.keys(flags) as Flag[];
  const command = program.command(name).description(description);
  for (const each of names) command.option(`--${each}`, flags[each]);
  finish(command, program, () => {
    const on = names.map((each) => [each, command.getOptionValue(attribute(each)) === true]);
    return run(Object.fromEntries(on) as Record<Flag, boolean>);
  });
}

/**
 * Runs the command that `args` (without node and script) name, after it resolves; `--help` and `--version` print and resolve.
 * Throws ExporterError `invalid_flag` with one line that names the flag and what was expected; never ends the process.
 */
export async function runProgram(program: Command, args: readonly string[]): Promise<void> {
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (caught) {
    if (!(caught instanceof CommanderError)) throw caught;
    if (caught.exitCode !== 0) throw flagError(program, caught, args);
  }
}

/** What every command has in common: its help flag, no positional arguments, its action. */
export function finish(command: Command, program: Command, action: () => Promise<void> | void): void {
  command
    .usage('[flags]')
    .helpOption('--help', 'Print this help.')
    .allowExcessArguments()
    .action(async () => {
      const [word] = command.args;
      if (word !== undefined) {
        const names = program.commands.map((each) => each.name());
        throw invalid(`${shown(word)}: unknown command, expected one of ${names.join(', ')}${didYouMean(word, names)}`);
      }
      await action();
    });
}

/** A flag with a value; a wrong value is blamed on the flag. */
export function flag<T>(
  name: string,
  placeholder: string,
  help: string,
  parse: (text: string, previous: T) => T,
): Option {
  return new Option(`--${name} <${placeholder}>`, help).argParser<T>((text, previous) => {
    try {
      return parse(text, previous);
    } catch (caught) {
      if (!(caught instanceof ExporterError)) throw caught;
      throw invalid(`--${name}: ${caught.message}`);
    }
  });
}

/** A flag with one of a few values. */
export function choice(name: string, values: readonly string[], help: string): Option {
  const parse = (text: string) => {
    if (values.includes(text)) return text;
    throw new ExporterError(
      'malformed',
      `expected one of ${values.join(', ')}, got ${shown(text)}${didYouMean(text, values)}`,
    );
  };
  return flag<string>(name, values.join('|'), help, parse);
}

/** The flags that every command with a log has. */
export const logLevelFlag = (): Option =>
  choice('log.level', LOG_LEVELS, 'Least severe messages to log.').default('info');
/** See {@link logLevelFlag}. */
export const logFormatFlag = (): Option => choice('log.format', LOG_FORMATS, 'How to write the log.').default('logfmt');

/** The flag of every command that serves metrics. */
export const webConfigFlag = (): Option =>
  flag('web.config.file', 'FILE', 'TLS and users, in the format of the Prometheus exporter-toolkit.', file);

/** For a parser that does not look at earlier values, so the last one given counts. */
export function parsed<T>(parse: (text: string) => T): (text: string, previous: T) => T {
  return (text) => parse(text);
}

export function file(text: string): string {
  if (text === '') throw new ExporterError('malformed', 'expected a path, got ""');
  return text;
}

function subflowLimit(text: string): number {
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (limit <= MAXIMUM_SUBFLOW_LIMIT) return limit;
  throw new ExporterError(
    'malformed',
    `expected a whole number from 0 to ${MAXIMUM_SUBFLOW_LIMIT}, got ${shown(text)}`,
  );
}

/** A repeatable flag with addresses to listen on; the first one given replaces the default. */
export function addressFlag(name: string, help: string, usual: ListenAddress): Option {
  const defaults: readonly ListenAddress[] = [usual];
  const collect = (text: string, previous: readonly ListenAddress[]): readonly ListenAddress[] => {
    const address = parseListenAddress(text);
    const addresses = previous === defaults ? [] : previous;
    const same = ({ host, port }: ListenAddress) => port !== 0 && host === address.host && port === address.port;
    if (addresses.some(same))
      throw new ExporterError('malformed', `expected each address once, got ${shown(text)} twice`);
    if (addresses.length >= MAXIMUM_LISTEN_ADDRESSES) {
      throw new ExporterError('malformed', `expected at most ${MAXIMUM_LISTEN_ADDRESSES} addresses`);
    }
    return [...addresses, address];
  };
  return flag(name, 'HOST:PORT', `${help}; :PORT is every interface. Repeatable.`, collect).default(
    defaults,
    formatListenAddress(usual),
  );
}

/** commander's complaint in our words: the flag first, then what was expected. */
function flagError(program: Command, caught: CommanderError, args: readonly string[]): ExporterError {
  const named = shown(/'([^']*)'/s.exec(caught.message)?.[1] ?? 'command line');
  if (caught.code === 'commander.optionMissingArgument') {
    const [name = named, value = 'a value'] = named.split(' ');
    return invalid(`${name}: expected a value, ${value.replace(/[<>]/g, '')}`);
  }
  if (caught.code !== 'commander.unknownOption') return invalid(`${shown(caught.message.replace(/^error: /, ''))}`);

  const command = program.commands.find((each) => each.name() === args[0]) ?? program.commands[0] ?? program;
  const [name = named, value] = named.split('=', 2);
  const known = [program, command].flatMap((each) => each.options.map((option) => option.long ?? ''));
  if (value !== undefined && known.includes(name)) {
    const off = name.startsWith('--collector.') ? `, --no-${name.slice(2)} switches it off` : '';
    return invalid(`${name}: takes no value, got ${value}${off}`);
  }
  return invalid(`${name}: unknown flag${didYouMean(name, known)}`);
}

function didYouMean(word: string, candidates: readonly string[]): string {
  const guess = meant(word, candidates);
  return guess === undefined ? '' : ` (did you mean ${guess}?)`;
}

function invalid(message: string): ExporterError {
  return new ExporterError('invalid_flag', message, { remedy: 'mptcp-exporter --help lists the flags' });
}

/** commander's name for a flag's value: `web.listen-address` is kept as `web.listenAddress`. */
export function attribute(name: string): string {
  return new Option(`--${name}`).attributeName();
}
