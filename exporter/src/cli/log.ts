import { type Logger, pino } from 'pino';

/** How to log; as the flags say. */
export interface LogOptions {
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'logfmt' | 'json';
}

/** A logger to standard error: time, level and message first, one line an entry. */
export function createLog(
  { logLevel, logFormat }: LogOptions,
  write: (line: string) => void = (line) => process.stderr.write(line),
): Logger {
  const options = {
    level: logLevel,
    base: null,
    timestamp: () => `,"ts":"${new Date().toISOString()}"`,
    formatters: { level: (level: string) => ({ level }) },
  };
  return pino(options, { write: logFormat === 'json' ? write : (line) => write(logfmt(line)) });
}

/** One of pino's JSON lines as logfmt. */
export function logfmt(json: string): string {
  const { ts, level, msg, ...rest } = JSON.parse(json) as Record<string, unknown>;
  return `${Object.entries({ ts, level, msg, ...rest })
    .map(([key, value]) => `${key}=${quoted(typeof value === 'object' ? JSON.stringify(value) : String(value))}`)
    .join(' ')}\n`;
}

function quoted(text: string): string {
  return /^[^\s"=\\]+$/.test(text) ? text : JSON.stringify(text);
}
