import type { ContentAnalyser } from '../../classifiers/content/analyser.ts';
import { failed } from '../../classifiers/outcome.ts';
import { isFirebreakError } from '../../contracts/errors.ts';
import type { Limits } from '../../contracts/limits.ts';
import type { StoredSample } from '../../contracts/records.ts';
import { topics } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { Batch, Consumer, PartitionRef, StoredRecord } from '../../platform/log/log.ts';
import { persist } from '../../platform/log/persist.ts';
import { parseBatch, type RecordHeaders, type TopicLog } from '../../platform/log/topic-log.ts';
import type { SampleVault } from '../../platform/samples/sample-vault.ts';
import { askAnalyser, describeOutcome, findingOf } from './analyse-sample.ts';
import type { AnalyseEvents } from './events.ts';

export interface SampleWorkerOptions {
  readonly log: TopicLog;
  readonly vault: Pick<SampleVault, 'beginAnalysis' | 'read' | 'settle'>;
  readonly analyser: ContentAnalyser;
  readonly limits: Pick<Limits, 'sampleAnalysisMs' | 'sampleAnalysers'>;
  readonly events: AnalyseEvents;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Where a record of a sample lies. */
interface Origin {
  readonly topic: string;
  readonly partition: number;
  readonly headers: RecordHeaders;
  readonly record: StoredRecord | undefined;
}

/** The consumer group, and what lag and dead letters name. */
export const group = 'analyse';
/** What was begun so often and never ended brought the process down. */
const mostAttempts = 3;

/**
 * The consumer of `samples.v1`:
 *
 *   read ──count the attempt──▶ decrypt ──▶ analyse ──▶ finding in the log ──▶ state in the store ──▶ commit
 *
 * Each step may come again after a crash and changes nothing then: the finding has the same id, and a sample that is no
 * longer `stored` is passed over. What is away is waited for; a sample that the analyser cannot cope with is told and
 * left behind, so that no partition stands still because of it.
 */
export class SampleWorker implements Part {
  readonly name = group;
  readonly #options: SampleWorkerOptions;
  /** Samples that may still be taken up. */
  #free: number;
  /** Partitions that wait for a place, in order. */
  readonly #waiting = new Map<string, PartitionRef>();
  #consumer: Consumer | undefined;
  #stopping = false;

  constructor(options: SampleWorkerOptions) {
    this.#options = options;
    this.#free = options.limits.sampleAnalysers;
  }

  async start(): Promise<void> {
    this.#consumer = await this.#options.log.log.consume({
      group,
      topics: [topics.samples.name],
      from: 'earliest',
      maxBatchRecords: 1,
      handle: (batch, consumer) => this.#handle(batch, consumer),
      onLost: (partitions, _clean, consumer) => this.#letGo(partitions, consumer),
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#consumer?.stop();
    await this.#options.analyser.close();
  }

  /**
   * As many samples at a time as there are workers, over all partitions: each lies in memory as a whole. A partition that
   * finds no place is paused and not waited for, so that it can be given up at once, and is not taken for one that
   * stands still.
   */
  async #handle(batch: Batch, consumer: Consumer): Promise<void> {
    const { topic, partition } = batch;
    if (this.#free === 0) {
      this.#waiting.set(`${topic}/${partition}`, { topic, partition });
      consumer.pause([{ topic, partition }]);
      consumer.seek({ topic, partition, offset: batch.records[0]?.offset ?? batch.end });
      return;
    }
    this.#free -= 1;
    try {
      await this.#take(batch, consumer);
    } finally {
      this.#free += 1;
      for (const next of this.#waiting.values()) {
        this.#letGo([next], consumer);
        break;
      }
    }
  }

  /** They wait for no place any more: they get one, or somebody else has them. */
  #letGo(partitions: readonly PartitionRef[], consumer: Consumer): void {
    const waiting = partitions.filter((ref) => this.#waiting.delete(`${ref.topic}/${ref.partition}`));
    consumer.resume(waiting);
  }

  async #take(batch: Batch, consumer: Consumer): Promise<void> {
    const { log, events } = this.#options;
    const { topic, partition } = batch;
    const { records, poison } = parseBatch(topics.samples, batch);
    if (poison.length > 0) {
      await log.bequeath(batch, group, poison, 'FB_RECORD_UNREADABLE');
      events.poisoned(poison.length);
    }
    const { end } = batch;
    const [only] = records;
    if (only?.value != null) {
      const { headers, value } = only;
      const origin = { topic, partition, headers, record: batch.records[0] };
      if (!(await this.#settle(value, origin))) return;
    }
    consumer.commit({ topic, partition, offset: end });
  }

  /** @returns false when it was stopped before the effects stood */
  async #settle(sample: StoredSample, origin: Origin): Promise<boolean> {
    const { vault, events } = this.#options;
    const { tenantId, sampleId } = sample;
    try {
      const bytes = await this.#insist(() => vault.read(tenantId, sampleId));
      const attempts = await this.#insist(() => vault.beginAnalysis(tenantId, sampleId));
      if (bytes === 'stopped' || attempts === 'stopped') return false;
      if (bytes !== null && attempts !== null)
        return await this.#analyse(sample, bytes, attempts, origin.headers);
      events.passedOver();
    } catch (error) {
      if (!isFirebreakError(error) || error.code !== 'FB_SAMPLE_UNREADABLE') throw error;
      await this.#bequeath(origin, error.message);
      events.unreadable(sampleId, error);
    }
    return true;
  }

  async #analyse(
    sample: StoredSample,
    bytes: Buffer,
    attempts: number,
    headers: RecordHeaders,
  ): Promise<boolean> {
    const { log, vault, analyser, limits, events, now } = this.#options;
    const { tenantId, sampleId, fileName } = sample;
    // Its version may change while it runs, as its rules do.
    const { profile } = analyser;
    const startedMs = now();
    const outcome =
      attempts > mostAttempts
        ? failed(`Its analysis was begun ${mostAttempts} times and never ended.`)
        : await askAnalyser(analyser, bytes, fileName, limits.sampleAnalysisMs);
    const finding = findingOf(sample, outcome, profile, now());
    const state = outcome.outcome === 'failed' ? 'failed' : 'analysed';
    const settled = await this.#insist(async () => {
      if (finding !== null) await log.append(topics.evidence, [finding], () => headers);
      await vault.settle(tenantId, sampleId, state, describeOutcome(outcome, profile));
      return null;
    });
    if (settled === 'stopped') return false;
    events.analysed(sampleId, outcome, (now() - startedMs) / 1000);
    return true;
  }

  async #bequeath({ topic, partition, record }: Origin, detail: string): Promise<void> {
    if (record === undefined) return;
    const letters = [{ record, detail }];
    await this.#options.log.bequeath({ topic, partition }, group, letters, 'FB_SAMPLE_UNREADABLE');
  }

  async #insist<Result>(attempt: () => Promise<Result>): Promise<Result | 'stopped'> {
    const done = await persist(async () => ({ result: await attempt() }), {
      isWanted: () => !this.#stopping,
      onRetry: (error) => this.#options.events.delayed(error),
    });
    return done === null ? 'stopped' : done.result;
  }
}
