import { setTimeout as sleep } from 'node:timers/promises';
import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { Trust } from '../../contracts/domain.ts';
import type { TenantId, Timestamp } from '../../contracts/ids.ts';
import type { Limits } from '../../contracts/limits.ts';
import { topics, type Progress, type Topic } from '../../contracts/topics.ts';
import type { DecisionConfig } from '../../engine/decide/config.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { Batch, Consumer, PartitionRef } from '../../platform/log/log.ts';
import { parseBatch, type TopicLog, type TypedRecord } from '../../platform/log/topic-log.ts';
import type { Signals } from '../../platform/signals/signals.ts';
import { Changelog } from './changelog.ts';
import type { CorrelateEvents } from './events.ts';
import { group } from './group.ts';
import { PartitionCorrelator } from './partition-correlator.ts';
import { PartitionOffsets } from './partition-offsets.ts';
import { restoreSignals } from './restore-signals.ts';
import { VerdictTail } from './verdict-tail.ts';
import { VerdictView } from './verdict-view.ts';

export interface CorrelatorOptions {
  readonly log: TopicLog;
  readonly signals: Signals;
  readonly profiles: readonly ClassifierProfile[];
  readonly trustOf: (tenantId: TenantId) => Trust;
  readonly config: DecisionConfig;
  readonly limits: Limits;
  /** Names this instance in the verdict log. */
  readonly writer: string;
  readonly events: CorrelateEvents;
}

interface Owned {
  readonly correlator: PartitionCorrelator;
  readonly offsets: PartitionOffsets;
  readonly view: VerdictView;
  readonly changelog: Changelog;
  readonly tail: VerdictTail;
  tailCommitted: number;
  committed: { readonly reports: number; readonly scores: number; readonly evidence: number };
  /** As it was published last. */
  decidedUntil: Timestamp | null;
}

const joinedNames = ['reports', 'scores', 'evidence'] as const;
const joined = joinedNames.map((name) => topics[name].name);
/** Its own verdicts too: what lands there that is not its own, it mends. */
export const consumedTopics: readonly string[] = [...joined, topics.verdicts.name];
const restorePatienceMs = 2000;
const expireEveryMs = 25;
const progressEveryMs = 250;
const writeEveryMs = 1000;
const buryEveryMs = 10 * 60 * 1000;

/** The consumer of reports, scores and evidence: owns the partitions that the group gives it, the same ones of all three. */
export class Correlator implements Part {
  readonly name = group;
  readonly #options: CorrelatorOptions;
  readonly #owned = new Map<number, Owned>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #restoring = new Map<number, Promise<boolean>>();
  /** What comes of these is not taken: it is read again in a moment. */
  readonly #reopening = new Set<number>();
  #consumer: Consumer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failure: string | null = null;
  /** Each ownership writes under a name of its own: what an earlier one still sends is not the present one's word. */
  #ownerships = 0;

  constructor(options: CorrelatorOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { log, events } = this.#options;
    this.#consumer = await log.log.consume({
      group,
      topics: consumedTopics,
      from: 'earliest',
      handle: (batch) => this.#handle(batch),
      onGained: (partitions, consumer) => this.#gain(partitions, consumer),
      onLost: (partitions, clean, consumer) => this.#lose(partitions, clean, consumer),
      onFailed: (error) => {
        this.#failure = 'it stopped after a bug; the process must be restarted';
        events.failed(error);
      },
    });
    this.#every(expireEveryMs, () => {
      for (const { correlator } of this.#owned.values()) correlator.expire();
    });
    this.#every(progressEveryMs, () => void this.#publishProgress());
    this.#every(writeEveryMs, () => this.#writeSoon());
    this.#every(buryEveryMs, () => void this.#bury().catch((error: unknown) => events.effectsDelayed(error)));
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    await this.#writing;
    await this.#consumer?.stop();
  }

  unready(): string | null {
    return this.#failure;
  }

  /** Work that waits for scores or for its decision. */
  get waitingCount(): number {
    return [...this.#owned.values()].reduce((sum, { correlator }) => sum + correlator.waitingCount, 0);
  }

  get ownedCount(): number {
    return this.#owned.size;
  }

  /** Partitions that decide without the signals. */
  get degradedCount(): number {
    return [...this.#owned.values()].filter(({ correlator }) => correlator.isDegraded).length;
  }

  #every(intervalMs: number, run: () => void): void {
    this.#timers.push(setInterval(run, intervalMs).unref());
  }

  async #gain(gained: readonly PartitionRef[], consumer: Consumer): Promise<void> {
    const partitions = [...new Set(gained.map((ref) => ref.partition))];
    // Together: one that waits for its signals keeps no other one waiting.
    await Promise.all(
      partitions
        .filter((partition) => !this.#owned.has(partition))
        .map(async (partition) => {
          // For a while only: decisions go on with the tenant's own evidence where the store needs longer.
          const patience = sleep(restorePatienceMs, undefined, { ref: false });
          await Promise.race([this.#restore(partition), patience]);
          this.#owned.set(partition, await this.#open(partition, consumer));
        }),
    );
  }

  async #open(partition: number, consumer: Consumer): Promise<Owned> {
    const { log, signals, events, limits, ...rest } = this.#options;
    const start = await this.#startOf(partition);
    const offsets = new PartitionOffsets(start);
    const writer = `${rest.writer}/${(this.#ownerships += 1)}`;
    const { view, end } = await this.#rebuildView(partition);
    const tail = new VerdictTail(view, writer, end);
    consumer.seek({ topic: topics.verdicts.name, partition, offset: end });
    const changelog = new Changelog({
      log,
      signals,
      intervalMs: limits.changelogIntervalMs,
      settled: (work) => offsets.settle(work),
    });
    const correlator = new PartitionCorrelator({
      ...rest,
      writer,
      log,
      signals,
      events,
      limits,
      partition,
      view,
      offsets,
      changelog,
      now: Date.now,
    });
    return {
      ...{ correlator, offsets, view, changelog, tail, tailCommitted: 0 },
      committed: start,
      decidedUntil: null,
    };
  }

  /** One at a time for each partition. Never rejects. */
  #restore(partition: number): Promise<boolean> {
    const { log, signals, events } = this.#options;
    const running = this.#restoring.get(partition);
    if (running !== undefined) return running;
    const restoring = restoreSignals(log, signals, partition)
      .catch((error: unknown) => {
        events.failed(error);
        return false;
      })
      .finally(() => this.#restoring.delete(partition));
    this.#restoring.set(partition, restoring);
    return restoring;
  }

  /**
   * What was decided without the signals is read again from what was committed, once they are whole: it is folded then,
   * and decided anew where that changes anything.
   */
  async #heal(): Promise<void> {
    const consumer = this.#consumer;
    if (consumer === undefined) return;
    for (const [partition, { correlator }] of this.#owned) {
      if (!correlator.isDegraded || this.#reopening.has(partition)) continue;
      if (!(await this.#restore(partition)) || this.#owned.get(partition)?.correlator !== correlator)
        continue;
      this.#reopening.add(partition);
      try {
        await correlator.stop();
        const owned = await this.#open(partition, consumer);
        // It may have been lost meanwhile.
        if (this.#owned.get(partition)?.correlator !== correlator) continue;
        this.#owned.set(partition, owned);
        for (const name of joinedNames)
          consumer.seek({ topic: topics[name].name, partition, offset: owned.committed[name] });
        this.#options.events.healed(partition);
      } finally {
        this.#reopening.delete(partition);
      }
    }
  }

  async #startOf(partition: number): Promise<Owned['committed']> {
    const { log } = this.#options;
    const lags = await log.log.lag(group, joined);
    const start = async (topic: Topic<never> | { readonly name: string }) => {
      const committed = lags.find(
        (lag) => lag.topic === topic.name && lag.partition === partition,
      )?.committed;
      const [bounds] = (await log.log.bounds(topic.name)).filter((ref) => ref.partition === partition);
      return Math.max(committed ?? 0, bounds?.start ?? 0);
    };
    return {
      reports: await start(topics.reports),
      scores: await start(topics.scores),
      evidence: await start(topics.evidence),
    };
  }

  async #rebuildView(partition: number): Promise<{ readonly view: VerdictView; readonly end: number }> {
    const { log, limits } = this.#options;
    const view = new VerdictView(limits.benignCacheEntries);
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

  async #lose(lost: readonly PartitionRef[], clean: boolean, consumer: Consumer): Promise<void> {
    for (const partition of new Set(lost.map((ref) => ref.partition))) {
      const owned = this.#owned.get(partition);
      if (owned === undefined) continue;
      this.#owned.delete(partition);
      await owned.correlator.stop();
      if (clean) await this.#persist(partition, owned, consumer, true);
    }
  }

  async #handle(batch: Batch): Promise<void> {
    if (this.#reopening.has(batch.partition)) return;
    const { correlator, tail } = this.#owned.get(batch.partition) ?? {};
    if (correlator === undefined || tail === undefined)
      throw new Error(`A batch of ${batch.topic}/${batch.partition} came before its partition was gained.`);
    if (batch.topic === topics.verdicts.name)
      tail.take(parseBatch(topics.verdicts, batch).records, batch.end);
    else if (batch.topic === topics.reports.name)
      await correlator.acceptReports(await this.#parse(topics.reports, batch), batch.end);
    else if (batch.topic === topics.scores.name)
      await correlator.acceptScores(await this.#parse(topics.scores, batch), batch.end);
    else await correlator.acceptFindings(await this.#parse(topics.evidence, batch), batch.end);
  }

  async #parse<Value>(topic: Topic<Value>, batch: Batch): Promise<readonly TypedRecord<Value>[]> {
    const { records, poison } = parseBatch(topic, batch);
    if (poison.length > 0) {
      await this.#options.log.bequeath(batch, group, poison, 'FB_RECORD_UNREADABLE');
      this.#options.events.poisoned(batch.topic, poison.length);
    }
    return records;
  }

  /** Never rejects: the next turn says more. */
  async #publishProgress(): Promise<void> {
    const progress = [...this.#owned].flatMap(([partition, owned]): readonly Progress[] => {
      const { decidedUntil } = owned.correlator;
      if (decidedUntil === null || decidedUntil === owned.decidedUntil) return [];
      owned.decidedUntil = decidedUntil;
      return [{ partition, decidedUntil }];
    });
    await this.#options.log.append(topics.progress, progress).catch((error: unknown) => {
      this.#options.events.effectsDelayed(error);
    });
  }

  #writeSoon(): void {
    this.#writing = this.#writing.then(async () => {
      await this.#heal().catch((error: unknown) => this.#options.events.failed(error));
      for (const [partition, owned] of this.#owned) {
        await this.#mend(owned);
        if (this.#consumer !== undefined) await this.#persist(partition, owned, this.#consumer, false);
      }
    });
  }

  /** Never rejects: what did not land is owed still. */
  async #mend({ tail }: Owned): Promise<void> {
    const repairs = tail.repairs();
    if (repairs.length === 0) return;
    try {
      await this.#options.log.append(topics.verdicts, repairs);
      this.#options.events.mended(repairs.length);
    } catch (error) {
      tail.failed(repairs);
      this.#options.events.effectsDelayed(error);
    }
  }

  /** Changelog first, then the offsets that it makes committable. Never rejects: what failed is tried at the next turn. */
  async #persist(partition: number, owned: Owned, consumer: Consumer, all: boolean): Promise<void> {
    const { events } = this.#options;
    try {
      const written = await owned.changelog.write(Date.now(), all);
      if (written > 0) events.changelogWritten(written);
    } catch (error) {
      events.changelogDelayed(error);
    }
    const marks = owned.offsets.marks();
    const commits = joinedNames.filter((name) => marks[name] > owned.committed[name]);
    const read = owned.tail.position;
    try {
      await Promise.all([
        ...commits.map((name) =>
          consumer.commit({ topic: topics[name].name, partition, offset: marks[name] }),
        ),
        // Nobody begins there, as the view is made anew; it is what the group's lag is told by.
        ...(read > owned.tailCommitted
          ? [consumer.commit({ topic: topics.verdicts.name, partition, offset: read })]
          : []),
      ]);
      owned.committed = marks;
      owned.tailCommitted = read;
    } catch (error) {
      events.commitFailed(error);
    }
  }

  async #bury(): Promise<void> {
    for (const { view } of this.#owned.values()) {
      const ended = view.buriable(Date.now(), this.#options.limits.tombstoneDelayMs);
      if (ended.length === 0) continue;
      await this.#options.log.bury(topics.verdicts, ended);
      for (const { key } of ended) view.forget(key);
      this.#options.events.buried(ended.length);
    }
  }
}
