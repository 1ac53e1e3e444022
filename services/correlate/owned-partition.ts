import type { Progress } from '../../contracts/records.ts';
import { topics, type Topic } from '../../contracts/topics.ts';
import type { Timestamp } from '../../contracts/ids.ts';
import type { Batch, Consumer } from '../../platform/log/log.ts';
import { isRetryable } from '../../platform/log/persist.ts';
import { parseBatch, type TopicLog, type TypedRecord } from '../../platform/log/topic-log.ts';
import { Changelog } from './changelog.ts';
import { group } from './group.ts';
import { PartitionCorrelator, type PartitionCorrelatorOptions } from './partition-correlator.ts';
import { PartitionOffsets } from './partition-offsets.ts';
import { VerdictTail } from './verdict-tail.ts';
import { VerdictView } from './verdict-view.ts';

const joinedNames = ['reports', 'scores', 'evidence'] as const;
type Positions = Readonly<Record<(typeof joinedNames)[number], number>>;
const joined = joinedNames.map((name) => topics[name].name);
/** Its own verdicts too: what lands there that is not its own, it mends. */
export const consumedTopics: readonly string[] = [...joined, topics.verdicts.name];

export interface OwnedPartitionOptions extends Omit<
  PartitionCorrelatorOptions,
  'view' | 'offsets' | 'changelog' | 'now'
> {
  readonly consumer: Consumer;
}

interface Held {
  readonly correlator: PartitionCorrelator;
  readonly offsets: PartitionOffsets;
  readonly view: VerdictView;
  readonly changelog: Changelog;
  readonly tail: VerdictTail;
}

/** One partition while it is ours: what is read of it, what is known of it, and how far it is settled. */
export class OwnedPartition {
  readonly #options: OwnedPartitionOptions;
  readonly #held: Held;
  /** What lies before is in the changelog, whether or not the group's commit stands by now. */
  #settled: Positions;
  #tailSettled = 0;
  /** As it was published last. */
  #decidedUntil: Timestamp | null = null;
  #hasLostSignals = false;

  private constructor(options: OwnedPartitionOptions, held: Held, committed: Positions) {
    this.#options = options;
    this.#held = held;
    this.#settled = committed;
  }

  /** Resolves once it knows every verdict in force; its own verdicts are read on from there. */
  static async open(options: OwnedPartitionOptions): Promise<OwnedPartition> {
    const { consumer, ...rest } = options;
    const { log, signals, limits, partition, writer } = rest;
    const committed = await committedOf(log, partition);
    const offsets = new PartitionOffsets(committed);
    const { view, end } = await rebuildView(log, partition, limits.benignCacheEntries);
    const tail = new VerdictTail(view, writer, end);
    consumer.seek({ topic: topics.verdicts.name, partition, offset: end });
    const changelog = new Changelog({
      ...{ log, signals, intervalMs: limits.changelogIntervalMs },
      settled: (work) => offsets.settle(work),
    });
    const correlator = new PartitionCorrelator({ ...rest, view, offsets, changelog, now: Date.now });
    return new OwnedPartition(options, { correlator, offsets, view, changelog, tail }, committed);
  }

  get waitingCount(): number {
    return this.#held.correlator.waitingCount;
  }

  /** It decided without the signals, or they were lost before the changelog held them: it has to be read again. */
  get isDegraded(): boolean {
    return this.#hasLostSignals || this.#held.correlator.isDegraded;
  }

  async handle(batch: Batch): Promise<void> {
    const { correlator, tail } = this.#held;
    if (batch.topic === topics.verdicts.name)
      tail.take(parseBatch(topics.verdicts, batch).records, batch.end);
    else if (batch.topic === topics.reports.name)
      await correlator.acceptReports(await this.#parse(topics.reports, batch), batch.end);
    else if (batch.topic === topics.scores.name)
      await correlator.acceptScores(await this.#parse(topics.scores, batch), batch.end);
    else await correlator.acceptFindings(await this.#parse(topics.evidence, batch), batch.end);
  }

  /** Decides what has waited long enough. */
  expire(): void {
    this.#held.correlator.expire();
  }

  /** Takes up nothing more, and resolves when what is being decided is written. */
  async stop(): Promise<void> {
    await this.#held.correlator.stop();
  }

  /** Reads again what is not settled. */
  rewind(): void {
    const { consumer, partition } = this.#options;
    for (const name of joinedNames)
      consumer.seek({ topic: topics[name].name, partition, offset: this.#settled[name] });
  }

  /** @returns how far it is decided; null when that was told already */
  takeProgress(): Progress | null {
    const { decidedUntil } = this.#held.correlator;
    if (decidedUntil === null || decidedUntil === this.#decidedUntil) return null;
    this.#decidedUntil = decidedUntil;
    return { partition: this.#options.partition, decidedUntil };
  }

  /** Writes again what another hand overwrote in the verdicts. Never rejects: what did not land is owed still. */
  async mend(): Promise<void> {
    const { tail } = this.#held;
    const { log, events } = this.#options;
    const repairs = tail.repairs();
    if (repairs.length === 0) return;
    try {
      await log.append(topics.verdicts, repairs);
      events.mended(repairs.length);
    } catch (error) {
      tail.failed(repairs);
      events.effectsDelayed(error);
    }
  }

  /**
   * Changelog first, then the offsets that it makes committable. Never rejects: what failed is tried at the next turn.
   * @param all also what the changelog would gather for a while longer
   */
  async persist(all: boolean): Promise<void> {
    const { offsets, changelog, tail } = this.#held;
    const { events, partition, consumer } = this.#options;
    try {
      const written = await changelog.write(Date.now(), all);
      if (written > 0) events.changelogWritten(written);
    } catch (error) {
      events.changelogDelayed(error);
      this.#hasLostSignals ||= await this.#isStoreEmptied();
    }
    const marks = offsets.marks();
    const commit = (name: string, offset: number) => consumer.commit({ topic: name, partition, offset });
    for (const name of joinedNames)
      if (marks[name] > this.#settled[name]) commit(topics[name].name, marks[name]);
    this.#settled = marks;
    // Nobody begins there, as the view is made anew; it is what the group's lag is told by.
    if (tail.position > this.#tailSettled) commit(topics.verdicts.name, tail.position);
    this.#tailSettled = tail.position;
  }

  /** Takes out of the log what ended long ago. */
  async bury(): Promise<void> {
    const { view } = this.#held;
    const { log, limits, events } = this.#options;
    const ended = view.buriable(Date.now(), limits.tombstoneDelayMs);
    if (ended.length === 0) return;
    await log.bury(topics.verdicts, ended);
    for (const { key } of ended) view.forget(key);
    events.buried(ended.length);
  }

  /** The store is there and lacks the partition: what was folded is nowhere, though no decision has met that yet. */
  async #isStoreEmptied(): Promise<boolean> {
    const { signals, partition } = this.#options;
    try {
      return !(await signals.isComplete(partition));
    } catch (error) {
      if (isRetryable(error)) return false;
      throw error;
    }
  }

  async #parse<Value>(topic: Topic<Value>, batch: Batch): Promise<readonly TypedRecord<Value>[]> {
    const { records, poison } = parseBatch(topic, batch);
    if (poison.length > 0) {
      await this.#options.log.bequeath(batch, group, poison, 'FB_RECORD_UNREADABLE');
      this.#options.events.poisoned(batch.topic, poison.length);
    }
    return records;
  }
}

/** Where the group stands in each topic that is joined. */
async function committedOf(log: TopicLog, partition: number): Promise<Positions> {
  const lags = await log.log.lag(group, joined);
  const startOf = async (name: string): Promise<number> => {
    const lag = lags.find((each) => each.topic === name && each.partition === partition);
    const bounds = (await log.log.bounds(name)).find((each) => each.partition === partition);
    return Math.max(lag?.committed ?? 0, bounds?.start ?? 0);
  };
  return {
    reports: await startOf(topics.reports.name),
    scores: await startOf(topics.scores.name),
    evidence: await startOf(topics.evidence.name),
  };
}

async function rebuildView(
  log: TopicLog,
  partition: number,
  benignCacheEntries: number,
): Promise<{ readonly view: VerdictView; readonly end: number }> {
  const view = new VerdictView(benignCacheEntries);
  let end = 0;
  for await (const batch of log.log.read({ topic: topics.verdicts.name, partition, offset: 0 })) {
    for (const { key, value } of parseBatch(topics.verdicts, batch).records) {
      if (value === null) view.forget(key);
      else view.apply(value);
    }
    ({ end } = batch);
  }
  return { view, end };
}
