import { topics, type Topic } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import { followPersistently } from '../../platform/log/follow-persistently.ts';
import type { Batch, Position } from '../../platform/log/log.ts';
import { parseBatch, type TopicLog } from '../../platform/log/topic-log.ts';
import type { PublishEvents } from './events.ts';
import type { LogRecordOf, PublishedState } from './published-state.ts';
import type { Publisher } from './publisher.ts';

export interface LogReaderDependencies {
  readonly log: TopicLog;
  readonly partitions: number;
  readonly state: PublishedState;
  readonly publisher: Publisher;
  readonly events: PublishEvents;
  readonly now: () => number;
}

/**
 * Reads `verdicts` and `control` whole and then live into the state, `answers` live only. Filling (until the ends that
 * stood at the start are reached; nobody is served) → following. When reading fails it goes on from where it was.
 */
export class LogReader implements Part {
  readonly name = 'publish';
  readonly #deps: LogReaderDependencies;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #ready = false;
  #answersFrom: readonly number[] = [];

  constructor(dependencies: LogReaderDependencies) {
    this.#deps = dependencies;
  }

  async start(): Promise<void> {
    this.#answersFrom = await this.#deps.log.log.ends(topics.answers.name);
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  unready(): string | null {
    return this.#ready ? null : 'The verdicts in force are still being read from the log.';
  }

  #run(): Promise<void> {
    const { log, state, events, now } = this.#deps;
    let startedAtMs = now();
    let ends: readonly number[] = [];
    return followPersistently({
      log: log.log,
      from: async () => {
        startedAtMs = now();
        ends = [...(await log.log.ends(topics.verdicts.name)), ...(await log.log.ends(topics.control.name))];
        return this.#positions();
      },
      handle: (batch) => this.#take(batch),
      onReached: () => {
        // Records at the very end may have been compacted away: the position is what was reached, not the last record.
        ends.forEach((end, partition) => state.advance(partition, end));
        if (!this.#ready) events.caughtUp(state.size.rows, now() - startedAtMs);
        this.#ready = true;
      },
      onFailed: (error, againInMs) => events.readingFailed(error, againInMs),
      signal: this.#stopping.signal,
    });
  }

  #positions(): readonly Position[] {
    const { state, partitions } = this.#deps;
    return [...Array(partitions).keys()].flatMap((partition) => [
      { topic: topics.verdicts.name, partition, offset: state.positions[partition] ?? 0 },
      { topic: topics.control.name, partition, offset: state.positions[partitions + partition] ?? 0 },
      { topic: topics.answers.name, partition, offset: this.#answersFrom[partition] ?? 0 },
    ]);
  }

  #take(batch: Batch): void {
    const { state, publisher, events, partitions } = this.#deps;
    const { partition } = batch;
    events.recordRead(batch.topic, batch.records.length);
    if (batch.topic === topics.answers.name) {
      this.#answersFrom = this.#answersFrom.with(partition, batch.end);
      for (const { value } of this.#parse(topics.answers, batch))
        if (value !== null) publisher.release(value);
      return;
    }
    if (batch.topic === topics.verdicts.name) {
      this.#apply(topics.verdicts, batch, partition, (record) => state.applyVerdict(record));
    } else {
      this.#apply(topics.control, batch, partitions + partition, (record) => state.applyControl(record));
    }
    if (this.#ready) publisher.changed(batch.records[0]?.appendedAt ?? this.#deps.now());
    else state.takePending();
  }

  #parse<Value>(topic: Topic<Value>, batch: Batch) {
    const { records, poison } = parseBatch(topic, batch);
    for (const { record, detail } of poison) {
      this.#deps.events.recordUnreadable(batch.topic, batch.partition, record.offset, detail);
    }
    return records;
  }

  #apply<Value>(
    topic: Topic<Value>,
    batch: Batch,
    partition: number,
    apply: (record: LogRecordOf<Value>) => void,
  ): void {
    for (const { key, value, offset, appendedAt } of this.#parse(topic, batch)) {
      try {
        apply({ key, value, appendedAt, mark: { partition, offset } });
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        this.#deps.events.recordUnreadable(batch.topic, batch.partition, offset, error.message);
      }
    }
    this.#deps.state.advance(partition, batch.end);
  }
}
