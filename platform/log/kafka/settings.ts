import type { KafkaConfig } from 'kafkajs';

export type KafkaLogEvent =
  /** A request to the brokers failed; it is tried again. */
  | { readonly kind: 'retrying'; readonly what: string; readonly error: unknown }
  /** What the client library says at level warn or above. */
  | { readonly kind: 'client'; readonly text: string }
  /** Retention overtook a reader that was too slow, or the log lost its end: it did not see what is between. */
  | {
      readonly kind: 'skipped';
      readonly topic: string;
      readonly partition: number;
      readonly from: number;
      readonly to: number;
    }
  /** A handler has not returned for long: its partition stands still. Told once for each such handler. */
  | {
      readonly kind: 'stuck';
      readonly group: string;
      readonly topic: string;
      readonly partition: number;
      readonly forMs: number;
    }
  /** A commit was not taken more than once; it is tried again while the partition is ours. */
  | { readonly kind: 'commit-failed'; readonly group: string; readonly error: unknown }
  /** The coordinator gave the partitions of this member to others: it was silent for too long. */
  | { readonly kind: 'evicted'; readonly group: string; readonly error: unknown };

/** How to reach the brokers. */
export type KafkaConnection = Pick<KafkaConfig, 'ssl' | 'socketFactory'> & {
  /** `host:port` each; any one of the cluster is enough to find the others. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
};

export interface KafkaLogSettings {
  readonly onEvent: (event: KafkaLogEvent) => void;
  /** Largest record: key, headers and value. */
  readonly maxRecordBytes: number;
  /** Appends that wait beyond this are refused with FB_LOG_FULL. */
  readonly maxQueueBytes: number;
  /** Taken into one request at most. */
  readonly maxFlushBytes: number;
  /** Copies of each partition. The embedded broker of a trial has one; production wants three. */
  readonly replicationFactor: number;
  /** How long a broker holds back a fetch for which it has nothing. Long is quick and cheap: it answers with the first byte. */
  readonly fetchWaitMs: number;
  /** A member that is silent for longer loses its partitions. */
  readonly sessionTimeoutMs: number;
  /** How long the others wait for a member to join again when the group changes. */
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatMs: number;
  /** A handler that takes longer is told of as stuck. */
  readonly stuckAfterMs: number;
  /** How long an append is tried before it fails with FB_LOG_UNAVAILABLE. */
  readonly patienceMs: number;
}

export interface KafkaLogOptions extends Partial<KafkaLogSettings> {
  readonly connection: KafkaConnection;
}

const mebibyte = 1_048_576;

export const defaultSettings: KafkaLogSettings = {
  onEvent: () => undefined,
  maxRecordBytes: mebibyte,
  maxQueueBytes: 64 * mebibyte,
  maxFlushBytes: 4 * mebibyte,
  replicationFactor: 1,
  fetchWaitMs: 1000,
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 30_000,
  heartbeatMs: 1000,
  stuckAfterMs: 60_000,
  patienceMs: 10_000,
};
