import type { Topic } from '../../contracts/topics.ts';
import { parseBatch, type TopicLog } from '../../platform/log/topic-log.ts';

/** The newest values of a topic, about so many, of each partition in order; what cannot be read is passed over. */
export async function* newestOf<Value>(
  log: TopicLog,
  topic: Topic<Value>,
  most: number,
): AsyncGenerator<Value> {
  const bounds = await log.log.bounds(topic.name);
  const each = Math.ceil(most / Math.max(1, bounds.length));
  for (const { partition, start, end } of bounds) {
    if (end <= start) continue;
    const from = { topic: topic.name, partition, offset: Math.max(start, end - each) };
    for await (const batch of log.log.read(from, end))
      for (const { value } of parseBatch(topic, batch).records) if (value !== null) yield value;
  }
}
