import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger, format, type Logger, transports } from 'winston';
import DailyRotateFile from 'winston-daily-rotate-file';
import type { TraceLevel } from './settings.ts';

/** What happened, in plain values: counts, names, states. Never a body, a token or a person's number. */
export interface TraceFields {
  readonly [name: string]:
    | string
    | number
    | boolean
    | null
    | undefined
    | readonly string[]
    | { readonly [code: string]: number };
}

/** 运行日志: one structured line per run start, run end, batch and reject count. Not the log that auditors prove. */
export interface Trace {
  readonly error: TraceLine;
  readonly warn: TraceLine;
  readonly info: TraceLine;
  readonly debug: TraceLine;
  /** Resolves once every line is on disk. */
  close(): Promise<void>;
}

type TraceLine = (event: string, fields?: TraceFields) => void;

export interface TraceOptions {
  /** Files are `trace-YYYY-MM-DD.log` in here, 20 MB each, kept for 180 days (GB/T 22239: at least six months). */
  readonly dir: string;
  readonly level: TraceLevel;
  /** Least level that also goes to standard error; absent: `info` on a terminal, else `warn`. `off`: nothing. */
  readonly console?: TraceLevel | 'off';
  /** Values that must never appear, whatever a library puts into an error message. */
  readonly secrets?: readonly string[];
}

/** Traces nothing: for commands that only read, and for tests. */
export const silentTrace: Trace = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  close: async () => {},
};

export function openTrace({ dir, level, console: shown, secrets = [] }: TraceOptions): Trace {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const line = format.printf((info) => encodeTraceLine({ at: new Date().toISOString(), ...info }, secrets));
  const file = new DailyRotateFile({
    dirname: dir,
    filename: 'trace-%DATE%.log',
    auditFile: join(dir, '.rotation.json'),
    datePattern: 'YYYY-MM-DD',
    maxSize: '20m',
    maxFiles: '180d',
    options: { flags: 'a', mode: 0o600 },
  });
  const logger = createLogger({ level, format: line, transports: [file] });
  const least = shown ?? (process.stderr.isTTY ? 'info' : 'warn');
  if (least !== 'off') {
    logger.add(new transports.Console({ level: least, stderrLevels: ['error', 'warn', 'info', 'debug'] }));
  }
  // A full disk must not stop the business: what counts is in the database (faults.md F29).
  file.on('error', () => {});
  logger.on('error', () => {});
  const write =
    (at: TraceLevel): TraceLine =>
    (event, fields = {}) =>
      logger.log({ ...fields, level: at, message: event });
  return {
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    close: () => ended(file, logger),
  };
}

/** The logger is finished before its file is: wait for both. */
function ended(file: DailyRotateFile, logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    logger.once('finish', () => file.logStream.end(() => resolve()));
    logger.end();
  });
}

/**
 * One JSON line in which nothing can break out, hide or reorder: control characters, line and paragraph
 * separators, bidi overrides and invisible characters are written as \uXXXX (faults.md S19); secrets, values of
 * fields named like secrets and passwords in addresses become ***.
 */
export function encodeTraceLine(fields: { readonly [name: string]: unknown }, secrets: readonly string[] = []): string {
  const safe = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, SECRET_NAME.test(name) ? '***' : value]),
  );
  let line = JSON.stringify(safe).replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  for (const secret of secrets) {
    if (secret.length >= 6) line = line.replaceAll(JSON.stringify(secret).slice(1, -1), '***');
  }
  return line.replace(/(:\/\/[^/\s:@"]*):[^/\s@"]*@/g, '$1:***@');
}

const SECRET_NAME = /token|secret|password|authorization|cookie|body|signature/i;

// DEL and C1, soft hyphen, zero-width and bidi marks, separators, byte order mark; JSON.stringify has done C0.
const UNSAFE = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
