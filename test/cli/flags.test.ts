import { describe, expect, it } from 'vitest';
import { addCommand, addServe, createProgram, runProgram, type ServeOptions } from '../../exporter/src/cli/flags.ts';
import { asExporterError, ExporterError } from '../../exporter/src/errors.ts';

interface Outcome {
  readonly command: string | undefined;
  readonly options: unknown;
  readonly printed: string;
}

/** Runs the program as the shell would, with commands that only take note. */
async function run(...args: string[]): Promise<Outcome> {
  let printed = '';
  let command: string | undefined;
  let options: unknown;
  const note = (name: string) => async (given: unknown) => {
    [command, options] = [name, given];
  };
  const program = createProgram('mptcp-exporter 1.2.3 (revision abc, node v20.19.0)', (text) => {
    printed += text;
  });
  addServe(program, ['mib', 'paths'], note('serve'));
  addCommand(program, 'status', 'Show the state.', { json: 'As JSON.', watch: 'Until interrupted.' }, note('status'));
  await runProgram(program, args);
  return { command, options, printed };
}

async function serve(...args: string[]): Promise<ServeOptions> {
  const { command, options } = await run(...args);
  expect(command).toBe('serve');
  return options as ServeOptions;
}

async function complaint(...args: string[]): Promise<string> {
  const caught = await run(...args).catch((error: unknown) => error);
  expect(caught).toBeInstanceOf(ExporterError);
  const { code, line, message } = asExporterError(caught);
  expect(code).toBe('invalid_flag');
  expect(line).toBe(`${message}. mptcp-exporter --help lists the flags`);
  expect(line).not.toMatch(/[\n\r]/);
  return message;
}

const DEFAULTS: ServeOptions = {
  listenAddresses: [{ host: '127.0.0.1', port: 10_262 }],
  source: 'auto',
  sampleIntervalMs: 1000,
  subflowLimit: 200,
  collectors: { mib: true, paths: true },
  logLevel: 'info',
  logFormat: 'logfmt',
  procfs: '/proc',
};

describe('serve', () => {
  it('is the default command, on loopback, with the documented defaults', async () => {
    expect(await serve()).toEqual(DEFAULTS);
    expect(await serve('serve')).toEqual(DEFAULTS);
  });

  it('takes every flag as --flag=value and as --flag value', async () => {
    const flags: readonly (readonly [string, string])[] = [
      ['--config.file', 'c.yml'],
      ['--web.listen-address', '[::1]:1'],
      ['--web.config.file', 'w.yml'],
      ['--source', 'procfs'],
      ['--sample.interval', '1m30s'],
      ['--subflow.limit', '0'],
      ['--log.level', 'debug'],
      ['--log.format', 'json'],
      ['--path.procfs', '/host/proc'],
    ];
    const expected: ServeOptions = {
      configFile: 'c.yml',
      listenAddresses: [{ host: '::1', port: 1 }],
      webConfigFile: 'w.yml',
      source: 'procfs',
      sampleIntervalMs: 90_000,
      subflowLimit: 0,
      collectors: { mib: true, paths: true },
      logLevel: 'debug',
      logFormat: 'json',
      procfs: '/host/proc',
    };
    expect(await serve(...flags.map(([name, value]) => `${name}=${value}`))).toEqual(expected);
    expect(await serve('serve', ...flags.flat())).toEqual(expected);
  });

  it('listens on every address given, instead of the default', async () => {
    const { listenAddresses } = await serve('--web.listen-address=:1', '--web.listen-address', 'localhost:0');
    expect(listenAddresses).toEqual([
      { host: '', port: 1 },
      { host: 'localhost', port: 0 },
    ]);
  });

  it('switches collectors off and on, the last word counts', async () => {
    expect((await serve('--no-collector.mib')).collectors).toEqual({ mib: false, paths: true });
    expect((await serve('--no-collector.mib', '--collector.mib')).collectors).toEqual({ mib: true, paths: true });
    expect((await serve('--collector.paths', '--no-collector.paths')).collectors).toEqual({ mib: true, paths: false });
  });

  it('does not remember the flags of an earlier call', async () => {
    await serve('--web.listen-address=:1', '--source=ss');
    expect(await serve()).toEqual(DEFAULTS);
  });
});

describe('a wrong flag is named in one line with what was expected', () => {
  it.each([
    [['--sorce=ss'], '--sorce: unknown flag (did you mean --source?)'],
    [['--nonsense'], '--nonsense: unknown flag'],
    [['-x'], '-x: unknown flag'],
    [['--source'], '--source: expected a value, auto|netlink|ss|procfs'],
    [['--source=netlnk'], '--source: expected one of auto, netlink, ss, procfs, got netlnk (did you mean netlink?)'],
    [['--source='], '--source: expected one of auto, netlink, ss, procfs, got ""'],
    [
      ['--sample.interval=99ms'],
      '--sample.interval: expected a duration such as 500ms, 15s or 1m, from 100ms to 1h, got 99ms',
    ],
    [
      ['--sample.interval', '-5s'],
      '--sample.interval: expected a duration such as 500ms, 15s or 1m, from 100ms to 1h, got -5s',
    ],
    [['--subflow.limit=100001'], '--subflow.limit: expected a whole number from 0 to 100000, got 100001'],
    [['--subflow.limit=1.5'], '--subflow.limit: expected a whole number from 0 to 100000, got 1.5'],
    [['--subflow.limit='], '--subflow.limit: expected a whole number from 0 to 100000, got ""'],
    [['--log.level=loud'], '--log.level: expected one of debug, info, warn, error, got loud'],
    [['--log.format=text'], '--log.format: expected one of logfmt, json, got text'],
    [['--config.file='], '--config.file: expected a path, got ""'],
    [
      ['--web.listen-address=10262'],
      '--web.listen-address: expected HOST:PORT such as 127.0.0.1:10262, [::1]:10262 or :10262 for every interface, got 10262',
    ],
    [
      ['--web.listen-address=:1', '--web.listen-address=:1'],
      '--web.listen-address: expected each address once, got :1 twice',
    ],
    [['--no-collector.mob'], '--no-collector.mob: unknown flag (did you mean --no-collector.mib?)'],
    [['--collector.mib=false'], '--collector.mib: takes no value, got false, --no-collector.mib switches it off'],
    [['--log.level=a\nb'], '--log.level: expected one of debug, info, warn, error, got a\\u{a}b'],
    [['--a\nb'], '--a\\u{a}b: unknown flag'],
    [['statsu'], 'statsu: unknown command, expected one of serve, status (did you mean status?)'],
    [['serve', 'now'], 'now: unknown command, expected one of serve, status'],
    [['--', 'now'], 'now: unknown command, expected one of serve, status'],
    [['status', '--jsn'], '--jsn: unknown flag (did you mean --json?)'],
    [['status', '--source=ss'], '--source: unknown flag'],
    [['--json'], '--json: unknown flag'],
  ])('%j', async (args, expected) => {
    expect(await complaint(...args)).toBe(expected);
  });

  it('too many addresses', async () => {
    const args = Array.from({ length: 17 }, (_, index) => `--web.listen-address=:${index + 1}`);
    expect(await complaint(...args)).toBe('--web.listen-address: expected at most 16 addresses');
  });
});

describe('other commands', () => {
  it('know which of their switches are on', async () => {
    expect(await run('status')).toEqual({ command: 'status', options: { json: false, watch: false }, printed: '' });
    expect((await run('status', '--watch')).options).toEqual({ json: false, watch: true });
  });

  it('hand their own errors on as they are', async () => {
    const program = createProgram('', () => undefined);
    const error = new ExporterError('address_in_use', 'taken');
    addServe(program, [], () => Promise.reject(error));
    await expect(runProgram(program, [])).rejects.toBe(error);
  });
});

describe('help and version', () => {
  it('print the version on one line and run nothing', async () => {
    expect(await run('--version')).toEqual({
      command: undefined,
      options: undefined,
      printed: 'mptcp-exporter 1.2.3 (revision abc, node v20.19.0)\n',
    });
  });

  it('lists the commands, every flag of serve and its default', async () => {
    const { command, printed } = await run('--help');
    expect(command).toBeUndefined();
    const text = printed.replace(/\s+/g, ' ');
    for (const words of [
      'serve',
      'status',
      '--config.file <FILE>',
      '--web.listen-address <HOST:PORT>',
      '(default: 127.0.0.1:10262)',
      '--web.config.file <FILE>',
      '--source <auto|netlink|ss|procfs>',
      '--sample.interval <DURATION>',
      '(default: 1s)',
      '--subflow.limit <NUMBER>',
      '(default: 200)',
      '--no-collector.mib',
      '--log.level <debug|info|warn|error>',
      '--log.format <logfmt|json>',
      '--path.procfs <DIRECTORY>',
      '(default: /proc)',
    ]) {
      expect(text).toContain(words);
    }
    expect((await run('serve', '--help')).printed).toContain('--sample.interval');
    expect((await run('status', '--help')).printed).toContain('--watch');
  });
});
