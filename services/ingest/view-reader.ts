import { topics, type Topic } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import { followPersistently } from '../../platform/log/follow-persistently.ts';
import type { Batch, Position } from '../../platform/log/log.ts';
import { parseBatch, type TopicLog } from '../../platform/log/topic-log.ts';
import type { Backlog } from './backlog.ts';
import type { IngestEvents } from './events.ts';
import type { Decided, View } from './view.ts';
import type { WantedSamples } from './wanted-samples.ts';
import type { Waiters } from './waiters.ts';

export interface ViewReaderDependencies {
  readonly log: TopicLog;
  readonly view: View;
  readonly backlog: Pick<Backlog, 'progressed'>;
  readonly waiters: Pick<Waiters, 'notify'>;
  readonly wanted: Pick<WantedSamples, 'sent'>;
  readonly events: IngestEvents;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Reads `verdicts` and `control` whole and `answers` from their present end into the view, and wakes who waits;
 * `progress` into the backlog; and `samples` whole, so that nobody is asked for what was sent.
 * Filling (not ready, until the ends that stood at the start are reached) → following. When reading fails it goes on
 * from where it was.
 */
export class ViewReader implements Part {
  readonly name = 'ingest-view';
  readonly #deps: ViewReaderDependencies;
  readonly #stopping = new AbortController();
  /** Where to go on, by topic and partition. */
  readonly #next = new Map<string, Position>();
  #running: Promise<void> = Promise.resolve();
  #ready = false;

  constructor(dependencies: ViewReaderDependencies) {
    this.#deps = dependencies;
  }

  async start(): Promise<void> {
    const { log } = this.#deps.log;
    for (const { name } of [topics.verdicts, topics.control, topics.samples]) {
      for (const { partition, start } of await log.bounds(name)) this.#goOnFrom(name, partition, start);
    }
    for (const { name } of [topics.answers, topics.progress]) {
      const ends = await log.ends(name);
      ends.forEach((end, partition) => this.#goOnFrom(name, partition, end));
    }
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  unready(): string | null {
    return this.#ready ? null : 'The verdicts in force are still being read from the log.';
  }

  #goOnFrom(topic: string, partition: number, offset: number): void {
    this.#next.set(`${topic}/${partition}`, { topic, partition, offset });
  }

  #run(): Promise<void> {
    const { log, events, view, now } = this.#deps;
    const startedAtMs = now();
    return followPersistently({
      log: log.log,
      from: () => Promise.resolve([...this.#next.values()]),
      handle: (batch) => this.#take(batch),
      onReached: () => {
        if (!this.#ready) events.viewCaughtUp(view.size.decided, now() - startedAtMs);
        this.#ready = true;
      },
      onFailed: (error, pauseMs) => events.readingFailed(error, pauseMs),
      signal: this.#stopping.signal,
    });
  }

  #take(batch: Batch): void {
    const { view, backlog, wanted, now } = this.#deps;
    switch (batch.topic) {
      case topics.verdicts.name:
        this.#apply(topics.verdicts, batch, (key, record) => view.applyVerdict(key, record));
        break;
      case topics.control.name:
        this.#apply(topics.control, batch, (key, record) => view.applyControl(key, record));
        break;
      case topics.samples.name:
        this.#apply(topics.samples, batch, (_key, sample) => {
          if (sample !== null) wanted.sent(sample);
          return [];
        });
        break;
      case topics.progress.name:
        this.#apply(topics.progress, batch, (_key, progress) => {
          if (progress !== null) backlog.progressed(progress, now());
          return [];
        });
        break;
      default:
        this.#apply(topics.answers, batch, (_key, answer) =>
          answer === null ? [] : view.applyAnswer(answer),
        );
    }
    this.#goOnFrom(batch.topic, batch.partition, batch.end);
  }

  #apply<Value>(
    topic: Topic<Value>,
    batch: Batch,
    apply: (key: string, value: Value | null) => readonly Decided[],
  ): void {
    const { events, waiters } = this.#deps;
    const passOver = (offset: number, detail: string) =>
      events.recordUnreadable(batch.topic, batch.partition, offset, detail);
    const { records, poison } = parseBatch(topic, batch);
    for (const { record, detail } of poison) passOver(record.offset, detail);
    for (const { key, value, offset } of records) {
      try {
        apply(key, value).forEach((decided) => waiters.notify(decided));
      } catch (error) {
        // What the packed table cannot hold exactly: a time that does not exist.
        if (!(error instanceof RangeError)) throw error;
        passOver(offset, error.message);
      }
    }
  }
}
