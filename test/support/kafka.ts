import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:net';
import { ConfigResourceTypes, ConfigSource, Kafka, logLevel, type ISocketFactory } from 'kafkajs';
import { openKafkaLog, type KafkaLog } from '../../platform/log/kafka/kafka-log.ts';
import type { KafkaLogEvent, KafkaLogOptions } from '../../platform/log/kafka/settings.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { startKafka, type KafkaBroker } from '../../scripts/servers/kafka/broker.ts';
import { eventually } from './eventually.ts';
import { startProxy, type TcpProxy } from './tcp-proxy.ts';

export interface TestKafkaOptions extends Partial<KafkaLogOptions> {
  /** Past the proxy. */
  readonly direct?: boolean;
}

export interface TestKafka {
  readonly proxy: TcpProxy;
  readonly events: readonly KafkaLogEvent[];
  /** A log on connections of its own, through the proxy. */
  open(options?: TestKafkaOptions): Promise<KafkaLog>;
  /** kill −9 of the broker, and its next start on the same data. */
  kill(): Promise<void>;
  /** Makes the broker compact all that stands in partition 0 of the topic now; leaves one null record in it. */
  compact(log: KafkaLog, topic: string): Promise<void>;
  /** Makes the broker drop all of partition 0 of the topic that may go by age; leaves one null record in it. */
  age(log: KafkaLog, topic: string): Promise<void>;
  /** What the broker has written of partition 0 of the topic since it was made. */
  segment(topic: string): Buffer;
  stop(): Promise<void>;
}

/** A real broker, its data in a folder of its own, behind a proxy that can cut connections. */
export async function startTestKafka(): Promise<TestKafka> {
  const dataDir = mkdtempSync(join(tmpdir(), 'firebreak-kafka-'));
  const [port, advertisedPort] = [await freePort(), await freePort()];
  let broker = await startKafka({ dataDir, port, advertisedPort });
  const proxy = await startProxy({ target: { host: '127.0.0.1', port }, port: advertisedPort });
  const events: KafkaLogEvent[] = [];
  return {
    proxy,
    events,
    kill: async () => {
      broker.kill('SIGKILL');
      await broker.exited;
      broker = await startKafka({ dataDir, port, advertisedPort });
    },
    open: ({ direct = false, ...options } = {}) =>
      openKafkaLog({
        connection: {
          brokers: [`127.0.0.1:${advertisedPort}`],
          clientId: 'firebreak-test',
          ...(direct && { socketFactory: past(advertisedPort, port) }),
        },
        onEvent: (event) => events.push(event),
        sessionTimeoutMs: 6000,
        heartbeatMs: 300,
        fetchWaitMs: 300,
        ...options,
      }),
    compact: async (log, topic) => {
      const end = (await log.ends(topic))[0] ?? 0;
      await withTopicAdmin(broker, topic, (admin) =>
        admin.set({
          'cleanup.policy': 'compact',
          'message.timestamp.type': 'LogAppendTime',
          'segment.ms': '1',
          'min.cleanable.dirty.ratio': '0',
        }),
      );
      // What is written now is never compacted: a record more lets the broker begin a new segment.
      await log.append(topic, [{ key: 'a key that was never there', partition: 0, value: null }]);
      await eventually(() => (cleanedUpTo(dataDir, topic) >= end ? true : null), 30_000);
    },
    age: async (log, topic) => {
      const end = (await log.ends(topic))[0] ?? 0;
      await withTopicAdmin(broker, topic, async (admin) => {
        const asItWas = await admin.get();
        // Only where it has a retention; the rest stays as the log made it.
        const isAging = asItWas['retention.ms'] !== '-1';
        await admin.set({ ...asItWas, 'segment.ms': '1', ...(isAging && { 'retention.ms': '1' }) });
        await log.append(topic, [{ key: 'a key that was never there', partition: 0, value: null }]);
        const start = async () => (await log.bounds(topic))[0]?.start ?? 0;
        await eventually(async () => ((await start()) >= end ? true : null), 30_000);
        await admin.set(asItWas);
      });
    },
    segment: (topic) => readFileSync(join(dataDir, 'log', `${topic}-0`, '00000000000000000000.log')),
    stop: async () => {
      await proxy.stop();
      await broker.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

interface TopicAdmin {
  /** What was configured of the topic itself. */
  get(): Promise<Readonly<Record<string, string>>>;
  set(configs: Readonly<Record<string, string>>): Promise<void>;
}

async function withTopicAdmin(
  { port }: KafkaBroker,
  topic: string,
  work: (admin: TopicAdmin) => Promise<void>,
): Promise<void> {
  const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
  await admin.connect();
  await work({
    get: async () => {
      const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] });
      const own = (resources[0]?.configEntries ?? []).filter(
        ({ configSource }) => configSource === ConfigSource.TOPIC_CONFIG,
      );
      return Object.fromEntries(own.map(({ configName, configValue }) => [configName, configValue]));
    },
    set: async (configs) => {
      const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
      await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] });
    },
  });
  await admin.disconnect();
}

/** The broker's own note of how far its cleaner has come: a line `topic partition offset` each. */
function cleanedUpTo(dataDir: string, topic: string): number {
  const text = readFileSync(join(dataDir, 'log', 'cleaner-offset-checkpoint'), 'utf8');
  const line = text.split('\n').find((each) => each.startsWith(`${topic} 0 `));
  return Number(line?.split(' ')[2] ?? 0);
}

/** Connects to the broker itself where the broker names the proxy. */
function past(proxyPort: number, brokerPort: number): ISocketFactory {
  return ({ host, port, onConnect }) =>
    connect({ host, port: port === proxyPort ? brokerPort : port }, onConnect);
}
