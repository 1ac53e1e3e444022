import kafkajs, { type Admin } from 'kafkajs';
import { FirebreakError } from '../../../contracts/errors.ts';
import type { TopicSpec } from '../log.ts';
import type { KafkaLogSettings } from './settings.ts';

const dayMs = 86_400_000;
/** What the record format adds to a batch that is as large as the largest record. */
const batchOverheadBytes = 16 * 1024;

/**
 * Kafka drops a file whose youngest record is past the retention, and compaction joins small files up to this size: where
 * both hold, it bounds what stays for the sake of its neighbours.
 */
const agingFileBytes = 32 * 1024 * 1024;

/** @returns the configuration of a topic, all of it that is ours */
function configOf(
  { retentionMs, compaction }: TopicSpec,
  { maxRecordBytes, replicationFactor }: KafkaLogSettings,
): Readonly<Record<string, string>> {
  const isAging = compaction !== null && retentionMs !== null;
  const cleanup = compaction === null ? 'delete' : 'compact';
  return {
    'cleanup.policy': isAging ? 'compact,delete' : cleanup,
    ...(isAging && { 'segment.bytes': String(agingFileBytes) }),
    'retention.ms': String(retentionMs ?? -1),
    'min.compaction.lag.ms': String(compaction?.minLagMs ?? 0),
    // A reader that stops for less than this misses no tombstone.
    'delete.retention.ms': String(dayMs),
    // Only whole segments are dropped or compacted; never the one that is written.
    'segment.ms': String(dayMs),
    'message.timestamp.type': 'LogAppendTime',
    'max.message.bytes': String(maxRecordBytes + batchOverheadBytes),
    'min.insync.replicas': String(Math.max(1, replicationFactor - 1)),
  };
}

/** Creates what is not there and adopts what changed. @throws FB_TOPIC_CONFLICT */
export async function createKafkaTopics(
  admin: Admin,
  specs: readonly TopicSpec[],
  settings: KafkaLogSettings,
): Promise<void> {
  const present = new Set(await admin.listTopics());
  const absent = specs.filter(({ name }) => !present.has(name));
  if (absent.length > 0) {
    await admin.createTopics({
      waitForLeaders: true,
      topics: absent.map((spec) => ({
        topic: spec.name,
        numPartitions: spec.partitions,
        replicationFactor: settings.replicationFactor,
        configEntries: Object.entries(configOf(spec, settings)).map(([name, value]) => ({ name, value })),
      })),
    });
  }
  // Whoever else created them meanwhile may have done it otherwise.
  await checkPartitions(admin, specs);
  await adoptConfigs(admin, specs, settings);
}

async function checkPartitions(admin: Admin, specs: readonly TopicSpec[]): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: specs.map(({ name }) => name) });
  for (const { name, partitions } of specs) {
    const found = topics.find((topic) => topic.name === name)?.partitions.length;
    if (found !== partitions)
      throw conflict(name, `${found ?? 0} partitions where ${partitions} are expected`);
  }
}

async function adoptConfigs(
  admin: Admin,
  specs: readonly TopicSpec[],
  settings: KafkaLogSettings,
): Promise<void> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: specs.map(({ name }) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  });
  const changed = specs.filter((spec) => {
    const entries = resources.find(({ resourceName }) => resourceName === spec.name)?.configEntries ?? [];
    const now = new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
    const wanted = configOf(spec, settings);
    const policy = now.get('cleanup.policy') ?? 'unknown';
    if (policy.includes('compact') !== (spec.compaction !== null))
      throw conflict(spec.name, `the clean-up policy ${policy}`);
    return Object.entries(wanted).some(([name, value]) => now.get(name) !== value);
  });
  if (changed.length === 0) return;
  await admin.alterConfigs({
    validateOnly: false,
    resources: changed.map((spec) => ({
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name: spec.name,
      configEntries: Object.entries(configOf(spec, settings)).map(([name, value]) => ({ name, value })),
    })),
  });
}

function conflict(topic: string, what: string): FirebreakError {
  return new FirebreakError('FB_TOPIC_CONFLICT', `The topic ${topic} has ${what}.`);
}
