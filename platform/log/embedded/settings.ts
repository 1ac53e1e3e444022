import type { Connection } from '../../postgres/pool.ts';
import type { WriterEvent, WriterOptions } from './writer.ts';

export type EmbeddedLogEvent =
  | WriterEvent
  /** The database could not be read; the reader tries again. */
  | { readonly kind: 'read-failed'; readonly error: unknown }
  /** A commit was not taken more than once; it is tried again while the partition is its consumer's. */
  | { readonly kind: 'commit-failed'; readonly group: string; readonly error: unknown }
  /** Retention or compaction failed; the next hour tries again. */
  | { readonly kind: 'expiry-failed'; readonly error: unknown }
  /** Retention overtook a reader that was too slow: it did not see what is between. */
  | {
      readonly kind: 'skipped';
      readonly topic: string;
      readonly partition: number;
      readonly from: number;
      readonly to: number;
    };

export interface EmbeddedLogSettings extends WriterOptions {
  readonly onEvent: (event: EmbeddedLogEvent) => void;
  /** Largest record: key, headers and value. */
  readonly maxRecordBytes: number;
  /** Retention drops whole segments of this span. */
  readonly segmentMs: number;
}

export interface EmbeddedLogOptions extends Partial<EmbeddedLogSettings> {
  /** Of the server; the log has a database of its own there. */
  readonly connection: Connection;
}

const mebibyte = 1_048_576;

export const defaultSettings: EmbeddedLogSettings = {
  now: Date.now,
  onEvent: () => undefined,
  maxRecordBytes: mebibyte,
  maxQueueBytes: 64 * mebibyte,
  maxFlushBytes: 4 * mebibyte,
  tailBytes: 32 * mebibyte,
  commitDelayMs: 50,
  patienceMs: 10_000,
  segmentMs: 86_400_000,
};
