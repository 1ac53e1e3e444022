import {
  Kafka,
  logLevel,
  type Admin,
  type Broker,
  type Cluster,
  type Message,
  type Producer,
  type SASLOptions,
} from 'kafkajs';
import { FirebreakError } from '../../../contracts/errors.ts';
import type { StoredRecord } from '../log.ts';
import type { JoinedMember, MemberAssignment } from './group-protocol.ts';
import { teachLz4 } from './lz4.ts';
import { quietRequestQueues } from './quiet-queues.ts';
import { encodeRecordsOnce } from './record-batches.ts';
import type { KafkaConnection, KafkaLogSettings } from './settings.ts';

/**
 * The one place that knows kafkajs's lower level. Its `Consumer` hides when partitions are lost, so groups and reading
 * are done on its `Cluster` and `Broker`, which it hands to partition assigners. Its types leave out of `Broker` what
 * the group protocol needs.
 */
export interface GroupBroker extends Pick<Broker, 'offsetCommit' | 'offsetFetch'> {
  joinGroup(request: {
    readonly groupId: string;
    readonly memberId: string;
    readonly sessionTimeout: number;
    readonly rebalanceTimeout: number;
    readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
  }): Promise<{
    readonly generationId: number;
    readonly leaderId: string;
    readonly memberId: string;
    readonly members: readonly JoinedMember[];
  }>;
  syncGroup(request: {
    readonly groupId: string;
    readonly generationId: number;
    readonly memberId: string;
    readonly groupAssignment: readonly MemberAssignment[];
  }): Promise<{ readonly memberAssignment: Buffer }>;
  heartbeat(request: {
    readonly groupId: string;
    readonly groupGenerationId: number;
    readonly memberId: string;
  }): Promise<unknown>;
  leaveGroup(request: { readonly groupId: string; readonly memberId: string }): Promise<unknown>;
}

/** One partition of the answer to a fetch. */
export interface FetchedPartition {
  readonly partition: number;
  readonly highWatermark: string;
  readonly messages: readonly FetchedMessage[];
}

export interface FetchedMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[]>>;
  readonly isControlRecord?: boolean;
}

/** @returns the message as the port has it */
export function toRecord({ offset, key, value, headers, timestamp }: FetchedMessage): StoredRecord {
  return {
    offset: Number(offset),
    key: key?.toString() ?? '',
    value,
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, text.toString()])),
    appendedAt: Number(timestamp),
  };
}

export interface FetchRequest {
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly topics: {
    readonly topic: string;
    readonly partitions: {
      readonly partition: number;
      readonly fetchOffset: string;
      readonly maxBytes: number;
    }[];
  }[];
}

/** @returns the partitions of the answer, with their topics. @throws what kafkajs throws for the first partition with an error */
export async function fetchFrom(
  broker: Broker,
  request: FetchRequest,
): Promise<readonly { readonly topic: string; readonly fetched: FetchedPartition }[]> {
  const { responses } = (await broker.fetch(request)) as {
    readonly responses: readonly {
      readonly topicName: string;
      readonly partitions: readonly FetchedPartition[];
    }[];
  };
  return responses.flatMap(({ topicName, partitions }) =>
    partitions.map((fetched) => ({ topic: topicName, fetched })),
  );
}

/** @returns the broker that coordinates the group now */
export async function coordinatorOf(cluster: Cluster, groupId: string): Promise<GroupBroker> {
  return (await cluster.findGroupCoordinator({ groupId })) as Broker & GroupBroker;
}

/** Makes what talks to the brokers. Nothing connects before it is used. */
export class KafkaClient {
  readonly #kafka: Kafka;

  constructor(connection: KafkaConnection, onEvent: KafkaLogSettings['onEvent']) {
    quietRequestQueues();
    encodeRecordsOnce();
    teachLz4();
    const { brokers, sasl, ...rest } = connection;
    this.#kafka = new Kafka({
      ...rest,
      brokers: [...brokers],
      ...(sasl !== undefined && { sasl: saslOf(sasl) }),
      connectionTimeout: 3000,
      retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: 5 },
      logLevel: logLevel.WARN,
      logCreator:
        () =>
        ({ namespace, log }) =>
          onEvent({ kind: 'client', text: `${namespace}: ${log.message}` }),
    });
  }

  admin(): Admin {
    return this.#kafka.admin();
  }

  /** Idempotent: what it repeats by itself stands in the log once. */
  producer(): Producer {
    return this.#kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => partitionOf,
      retry: { initialRetryTime: 50, maxRetryTime: 200, retries: 2 },
    });
  }

  /** A set of connections of its own: requests on one connection are answered in turn, so who waits long needs his own. */
  cluster(): Cluster {
    const made: Cluster[] = [];
    this.#kafka.consumer({
      groupId: 'unused',
      allowAutoTopicCreation: false,
      partitionAssigners: [
        ({ cluster }) => {
          made.push(cluster);
          return { name: 'unused', version: 0, assign: () => Promise.resolve([]), protocol: unused };
        },
      ],
    });
    const [cluster] = made;
    if (cluster === undefined) throw new Error('kafkajs made no cluster.');
    return cluster;
  }
}

/** The same, as kafkajs's types tell the mechanisms apart. */
function saslOf({ mechanism, ...user }: NonNullable<KafkaConnection['sasl']>): SASLOptions {
  switch (mechanism) {
    case 'plain':
      return { mechanism, ...user };
    case 'scram-sha-256':
      return { mechanism, ...user };
    case 'scram-sha-512':
      return { mechanism, ...user };
  }
}

function unused(): never {
  throw new Error('This consumer joins no group.');
}

/** Records come with their partition: both implementations of the log place them by one rule. */
function partitionOf({ message }: { readonly message: Message }): number {
  if (message.partition === undefined) throw new Error('A record has no partition.');
  return message.partition;
}

/** The protocol's name of what went wrong, such as `UNKNOWN_MEMBER_ID`, else the library's, such as `KafkaJSConnectionError`. */
export function kafkaErrorName(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  if ('type' in error && typeof error.type === 'string') return error.type;
  const name = 'name' in error && typeof error.name === 'string' ? error.name : '';
  // What was given up, or is not worth repeating, comes wrapped.
  return ('cause' in error && kafkaErrorName(error.cause)) || name;
}

/** Whether it is Kafka that says no, or is away; anything else is a bug of ours. */
export function isKafkaError(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'name' in error && /^KafkaJS/.test(String(error.name))
  );
}

/** Whether the brokers said no, and asking again would not help. */
export function isRefused(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  if ('type' in error && 'retriable' in error) return error.retriable === false;
  return 'cause' in error && isRefused(error.cause);
}

/** @returns what the port's callers know: the log is away, whatever the reason; bugs as they are */
export function toLogError(error: unknown, doing: string): unknown {
  if (!isKafkaError(error)) return error;
  const why = error instanceof Error ? `: ${error.message}` : '';
  return new FirebreakError('FB_LOG_UNAVAILABLE', `Kafka failed while ${doing}${why}.`, { cause: error });
}
