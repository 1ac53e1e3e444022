import { Commits } from '../commits.ts';
import type { ConsumeOptions, Consumer, PartitionRef, Position } from '../log.ts';
import { persist } from '../persist.ts';
import type { GroupOffsets } from './group-offsets.ts';
import type { Partition } from './partition.ts';
import { PartitionReader, type ReaderOptions } from './partition-reader.ts';

export interface GroupOptions {
  readonly group: string;
  readonly offsets: GroupOffsets;
  readonly partitions: (topic: string) => readonly Partition[];
  readonly reader: Omit<ReaderOptions, 'position' | 'reset'>;
  /** One try. Resolves when the log has it. */
  readonly commit: (partition: Partition, offset: number) => Promise<void>;
  readonly onCommitFailed: (error: unknown) => void;
}

/**
 * The members of one consumer group and who owns which partition. Members join and leave one after the other; what
 * changes hands is let go by its old owner, handlers and `onLost` included, before the new one is told.
 */
export class ConsumerGroup {
  readonly #options: GroupOptions;
  readonly #members: GroupMember[] = [];
  #turn: Promise<void> = Promise.resolve();

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  async join(options: ConsumeOptions): Promise<Consumer> {
    const member: GroupMember = new GroupMember(options, this.#options, () => this.#leave(member));
    await this.#inTurn(async () => {
      this.#members.push(member);
      await this.#share();
    });
    return member;
  }

  /** All members leave. */
  async close(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.stop()));
  }

  async #leave(member: GroupMember): Promise<void> {
    await this.#inTurn(async () => {
      const index = this.#members.indexOf(member);
      if (index === -1) return;
      this.#members.splice(index, 1);
      await member.keepOnly(new Set());
      await this.#share();
    });
  }

  /** Partition p of every topic goes to the same member, so topics that are split alike meet in one place. */
  async #share(): Promise<void> {
    const wanted = new Map(this.#members.map((member) => [member, new Set<Partition>()]));
    for (const topic of new Set(this.#members.flatMap(({ topics }) => topics))) {
      const interested = this.#members.filter(({ topics }) => topics.includes(topic));
      for (const partition of this.#options.partitions(topic)) {
        const owner = interested[partition.index % interested.length];
        if (owner !== undefined) wanted.get(owner)?.add(partition);
      }
    }
    await Promise.all([...wanted].map(([member, partitions]) => member.keepOnly(partitions)));
    await Promise.all([...wanted].map(([member, partitions]) => member.take(partitions)));
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

interface Owned {
  readonly reader: PartitionReader;
  readonly done: Promise<void>;
}

/** One consumer. Partitions come with `take` and go with `keepOnly`; a handler that throws ends it. */
class GroupMember implements Consumer {
  readonly topics: readonly string[];
  readonly #options: ConsumeOptions;
  readonly #group: GroupOptions;
  readonly #leave: () => Promise<void>;
  readonly #owned = new Map<Partition, Owned>();
  readonly #commits: Commits;
  #hasFailed = false;

  constructor(options: ConsumeOptions, group: GroupOptions, leave: () => Promise<void>) {
    this.topics = options.topics;
    this.#options = options;
    this.#group = group;
    this.#leave = leave;
    this.#commits = new Commits({
      send: (positions) => this.#send(positions),
      onFailed: group.onCommitFailed,
      onBroken: (error) => this.#fail(error),
    });
  }

  commit(position: Position): void {
    if (this.#find(position) !== undefined) this.#commits.note(position);
  }

  pause(partitions: readonly PartitionRef[]): void {
    for (const reader of this.#readers(partitions)) reader.pause();
  }

  resume(partitions: readonly PartitionRef[]): void {
    for (const reader of this.#readers(partitions)) reader.resume();
  }

  seek(position: Position): void {
    for (const reader of this.#readers([position])) reader.seek(position.offset);
  }

  async stop(): Promise<void> {
    await this.#leave();
  }

  async keepOnly(wanted: ReadonlySet<Partition>): Promise<void> {
    const lost = [...this.#owned].filter(([partition]) => !wanted.has(partition));
    if (lost.length === 0) return;
    for (const [, { reader }] of lost) reader.stop();
    await Promise.all(lost.map(([, { done }]) => done));
    const refs = lost.map(([partition]) => toRef(partition));
    await this.#guard(() => this.#options.onLost?.(refs, true, this));
    await this.#commits.finish(refs);
    for (const [partition] of lost) this.#owned.delete(partition);
  }

  async take(wanted: ReadonlySet<Partition>): Promise<void> {
    const gained = [...wanted].filter((partition) => !this.#owned.has(partition));
    if (gained.length === 0 || this.#hasFailed) return;
    const readers = gained.map((partition) => this.#open(partition));
    let start: () => void = () => undefined;
    const told = new Promise<void>((resolve) => (start = resolve));
    for (const reader of readers)
      this.#owned.set(reader.partition, { reader, done: told.then(() => this.#run(reader)) });
    const isWanted = (): boolean => readers.some((reader) => !reader.isStopped);
    await this.#guard(async () => {
      await persist(() => this.#options.onGained?.(gained.map(toRef), this), { isWanted });
    });
    start();
  }

  #open(partition: Partition): PartitionReader {
    const { group, offsets, reader } = this.#group;
    const { from, maxBatchRecords, maxBatchBytes } = this.#options;
    const begin = from === 'earliest' ? partition.start : partition.end;
    return new PartitionReader(partition, {
      ...reader,
      ...(maxBatchRecords !== undefined && { maxBatchRecords }),
      ...(maxBatchBytes !== undefined && { maxBatchBytes }),
      position: offsets.committed(group, partition.topicId, partition.index) ?? begin,
      reset: from,
    });
  }

  async #run(reader: PartitionReader): Promise<void> {
    while (!this.#hasFailed) {
      const batch = await reader.next();
      if (batch === undefined) return;
      const isWanted = (): boolean => !reader.isStopped && reader.position === batch.end;
      await this.#guard(async () => {
        await persist(() => this.#options.handle(batch, this), { isWanted });
      });
    }
  }

  /** What the caller's code throws, but for what is away, ends this consumer, once, and nothing else. */
  async #guard(call: () => Promise<void> | void | undefined): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    for (const { reader } of this.#owned.values()) reader.stop();
    void this.#leave().finally(() => {
      const { onFailed } = this.#options;
      if (onFailed === undefined) throw error;
      onFailed(error);
    });
  }

  async #send(positions: readonly Position[]): Promise<void> {
    await Promise.all(
      positions.map(async (position) => {
        const partition = this.#find(position);
        if (partition !== undefined) await this.#group.commit(partition, position.offset);
      }),
    );
  }

  #find({ topic, partition: index }: PartitionRef): Partition | undefined {
    return [...this.#owned.keys()].find(
      (partition) => partition.topic === topic && partition.index === index,
    );
  }

  #readers(refs: readonly PartitionRef[]): readonly PartitionReader[] {
    return refs.flatMap((ref) => {
      const partition = this.#find(ref);
      const reader = partition && this.#owned.get(partition)?.reader;
      return reader ? [reader] : [];
    });
  }
}

function toRef({ topic, index }: Partition): PartitionRef {
  return { topic, partition: index };
}
