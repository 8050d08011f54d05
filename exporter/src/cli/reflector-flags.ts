import type { Command } from 'commander';
import { DEFAULT_REFLECTOR_WEB_ADDRESS } from '../config/defaults.ts';
import type { ListenAddress } from '../config/listen-address.ts';
import { DEFAULT_REFLECTOR_PORT } from '../config/probes/settings.ts';
import { formatSize, parseSize, type SizeBounds } from '../config/size.ts';
import { shown } from '../config/words.ts';
import { ExporterError } from '../errors.ts';
import { DEFAULT_LIMITS, type ReflectorLimits } from '../reflector/limits.ts';
import {
  addressFlag,
  attribute,
  file,
  finish,
  flag,
  logFormatFlag,
  logLevelFlag,
  parsed,
  webConfigFlag,
} from './flags.ts';
import type { LogOptions } from './log.ts';

/** What the flags of `reflector` say, defaults filled in. */
export interface ReflectorCommandOptions extends LogOptions {
  /** Where it reflects: at least one, no two the same. */
  readonly addresses: readonly ListenAddress[];
  readonly tokenFile?: string;
  readonly limits: ReflectorLimits;
  /** Where its own metrics are. */
  readonly webAddresses: readonly ListenAddress[];
  readonly webConfigFile?: string;
}

const DEFAULT_ADDRESS: ListenAddress = { host: '127.0.0.1', port: DEFAULT_REFLECTOR_PORT };

/** Flags of the limits with a size, and what each accepts. */
const SIZES = {
  'reflector.rate-limit': { minimumBytes: 1000, maximumBytes: 1e12 },
  'reflector.size-limit': { minimumBytes: 1000, maximumBytes: 1e12 },
} as const satisfies Record<string, SizeBounds>;

/** Flags of the limits that count something, and the most each accepts. */
const COUNTS = {
  'reflector.seconds-limit': 3600,
  'reflector.connection-limit': 10_000,
  'reflector.request-limit': 100_000,
  'reflector.echo-limit': 1_000_000,
} as const;

/** Registers `reflector`; `run` gets its flags. */
export function addReflector(program: Command, run: (options: ReflectorCommandOptions) => Promise<void> | void): void {
  const command = program
    .command('reflector')
    .description("Be the far end of other exporters' probes: echo over UDP and TCP, download and upload.")
    .addOption(
      addressFlag('reflector.listen-address', 'Where to answer probes, over MPTCP, TCP and UDP', DEFAULT_ADDRESS),
    )
    .addOption(
      flag('reflector.token-file', 'FILE', 'Holds the token that probes must have; needed beyond loopback.', file),
    )
    .addOption(sizeFlag('reflector.rate-limit', 'Most bytes per second of a transfer.', DEFAULT_LIMITS.bytesPerSecond))
    .addOption(sizeFlag('reflector.size-limit', 'Most bytes of one transfer.', DEFAULT_LIMITS.transferBytes))
    .addOption(
      countFlag('reflector.seconds-limit', 'Longest that one transfer may take.', DEFAULT_LIMITS.transferSeconds),
    )
    .addOption(countFlag('reflector.connection-limit', 'Most connections at once.', DEFAULT_LIMITS.connections))
    .addOption(countFlag('reflector.request-limit', 'Most requests per second.', DEFAULT_LIMITS.requestsPerSecond))
    .addOption(countFlag('reflector.echo-limit', 'Most echoes over UDP per second.', DEFAULT_LIMITS.echoesPerSecond))
    .addOption(addressFlag('web.listen-address', 'Where its own metrics are', DEFAULT_REFLECTOR_WEB_ADDRESS))
    .addOption(webConfigFlag())
    .addOption(logLevelFlag())
    .addOption(logFormatFlag());
  finish(command, program, () => {
    const value = <T>(name: string) => command.getOptionValue(attribute(name)) as T;
    const tokenFile = value<string | undefined>('reflector.token-file');
    const webConfigFile = value<string | undefined>('web.config.file');
    return run({
      addresses: value('reflector.listen-address'),
      ...(tokenFile !== undefined && { tokenFile }),
      limits: {
        bytesPerSecond: value('reflector.rate-limit'),
        transferBytes: value('reflector.size-limit'),
        transferSeconds: value('reflector.seconds-limit'),
        connections: value('reflector.connection-limit'),
        requestsPerSecond: value('reflector.request-limit'),
        echoesPerSecond: value('reflector.echo-limit'),
      },
      webAddresses: value('web.listen-address'),
      ...(webConfigFile !== undefined && { webConfigFile }),
      logLevel: value('log.level'),
      logFormat: value('log.format'),
    });
  });
}

function sizeFlag(name: keyof typeof SIZES, help: string, usual: number) {
  const parse = parsed((text: string) => parseSize(text, SIZES[name]));
  return flag(name, 'SIZE', help, parse).default(usual, formatSize(usual));
}

function countFlag(name: keyof typeof COUNTS, help: string, usual: number) {
  const most = COUNTS[name];
  const parse = (text: string): number => {
    const count = /^\d{1,7}$/.test(text) ? Number(text) : 0;
    if (count >= 1 && count <= most) return count;
    throw new ExporterError('malformed', `expected a whole number from 1 to ${most}, got ${shown(text)}`);
  };
  return flag(name, 'NUMBER', help, parsed(parse)).default(usual);
}
