import { pino, stdSerializers, type DestinationStream } from 'pino';
import type { LogLevel } from '../config/config.ts';

type LogLine = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** Structured log: one JSON object a line. `error` means that a person must act. */
export interface Logger {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  /** The same with fields that every line carries. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

/** Secrets are cut out wherever they stand on the first two levels, for the day on which somebody logs a whole request. */
const secretFields = [
  'authorization',
  'credential',
  'enrollmentKey',
  'adminToken',
  'operatorToken',
  'secret',
  'token',
  'password',
];

export interface LoggerOptions {
  readonly name: string;
  readonly level: LogLevel;
  /** Default: standard output, written at once so that the last line before a crash is there. */
  readonly destination?: DestinationStream;
}

/** An `error` field is written with type, message, stack and cause; a FirebreakError with its code. */
export function createLogger({ name, level, destination }: LoggerOptions): Logger {
  const options = {
    name,
    level,
    base: { name },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: stdSerializers.err },
    redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor: '[secret]' },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
