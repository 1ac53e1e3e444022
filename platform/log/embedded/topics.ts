import { FirebreakError } from '../../../contracts/errors.ts';
import type { PartitionRef, TopicSpec } from '../log.ts';
import type { StoredState, StoredStart, StoredTopic } from './batch-store.ts';
import { Partition } from './partition.ts';

export interface Topic {
  readonly stored: StoredTopic;
  readonly partitions: readonly Partition[];
}

/** What topics there are. An unknown one is a bug of the caller, not an operational error. */
export class Topics {
  readonly #byName = new Map<string, Topic>();
  readonly #byId = new Map<number, Topic>();

  load(state: StoredState): void {
    for (const topic of state.topics) this.add(topic);
    for (const { topicId, partition, end, appendedAt } of state.ends) {
      Object.assign(this.#partitionOf(topicId, partition), { end, appendedAt });
    }
    this.moveStarts(state.starts);
  }

  add(stored: StoredTopic): void {
    const partitions = Array.from({ length: stored.partitions }, (_, index) => {
      return new Partition(stored.name, stored.id, index, stored.compaction !== null);
    });
    this.#set({ stored, partitions });
  }

  /**
   * @returns the topic as it is to be from now on; undefined when it is so already
   * @throws FB_TOPIC_CONFLICT when it can never be
   */
  adopt(spec: TopicSpec): StoredTopic | undefined {
    const { stored, partitions } = this.get(spec.name);
    if (
      stored.partitions !== spec.partitions ||
      (stored.compaction === null) !== (spec.compaction === null)
    ) {
      throw new FirebreakError(
        'FB_TOPIC_CONFLICT',
        `Topic ${spec.name} is there with ${shapeOf(stored)}, wanted with ${shapeOf(spec)}.`,
      );
    }
    if (stored.retentionMs === spec.retentionMs && stored.compaction?.minLagMs === spec.compaction?.minLagMs)
      return undefined;
    const adopted = { ...spec, id: stored.id };
    this.#set({ stored: adopted, partitions });
    return adopted;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  get(name: string): Topic {
    const topic = this.#byName.get(name);
    if (topic === undefined) throw new RangeError(`There is no topic ${name}.`);
    return topic;
  }

  partition({ topic, partition: index }: PartitionRef): Partition {
    const partition = this.get(topic).partitions[index];
    if (partition === undefined) throw new RangeError(`Topic ${topic} has no partition ${index}.`);
    return partition;
  }

  stored(): readonly StoredTopic[] {
    return [...this.#byName.values()].map(({ stored }) => stored);
  }

  /** A compacted topic is read from its last values where its batches are gone, so it always starts at 0. */
  moveStarts(starts: readonly StoredStart[]): void {
    for (const { topicId, partition: index, start } of starts) {
      const partition = this.#partitionOf(topicId, index);
      if (!partition.isCompacted) partition.start = Math.max(partition.start, start);
    }
  }

  #set(topic: Topic): void {
    this.#byName.set(topic.stored.name, topic);
    this.#byId.set(topic.stored.id, topic);
  }

  #partitionOf(topicId: number, index: number): Partition {
    const partition = this.#byId.get(topicId)?.partitions[index];
    if (partition === undefined) throw new RangeError(`There is no partition ${index} of topic ${topicId}.`);
    return partition;
  }
}

function shapeOf({ partitions, compaction }: TopicSpec): string {
  return `${partitions} partitions and ${compaction === null ? 'without' : 'with'} compaction`;
}
