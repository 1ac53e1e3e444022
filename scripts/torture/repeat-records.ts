import { topics } from '../../contracts/topics.ts';
import { openKafkaLog } from '../../platform/log/kafka/kafka-log.ts';
import type { Log, StoredRecord } from '../../platform/log/log.ts';
import { randomOf, shuffled } from '../random.ts';

/**
 * Topics that a producer may write twice or late: an append whose acknowledgement was lost, or one by an owner that was
 * stalled and replaced. Of `signals` the last value counts, so a late copy of it is another matter.
 */
const repeated = [
  topics.reports,
  topics.scores,
  topics.evidence,
  topics.decisions,
  topics.verdicts,
  topics.control,
];
const newestPerPartition = 20;

/**
 * Appends the newest records of each partition once more, untouched, in another order: duplicates, and old revisions
 * behind newer ones.
 */
export async function repeatRecords(bootstrap: string, seed: string): Promise<void> {
  const log = await openKafkaLog({
    connection: { brokers: [bootstrap], clientId: 'firebreak-torture-repeat' },
  });
  try {
    for (const { name } of repeated) {
      for (const { partition, start, end } of await log.bounds(name)) {
        const records = await newest(log, name, partition, Math.max(start, end - newestPerPartition));
        const copies = shuffled(records, randomOf(seed, `${name} ${partition}`));
        if (copies.length === 0) continue;
        await log.append(
          name,
          copies.map(({ key, value, headers }) => ({ key, value, headers, partition })),
        );
      }
    }
  } finally {
    await log.close();
  }
}

async function newest(log: Log, topic: string, partition: number, from: number): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  for await (const batch of log.read({ topic, partition, offset: from })) records.push(...batch.records);
  return records;
}
