import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { Batch, Consumer, PartitionRef } from '../../platform/log/log.ts';
import { isRetryable } from '../../platform/log/persist.ts';
import { group } from './group.ts';
import { consumedTopics, OwnedPartition, type OwnedPartitionOptions } from './owned-partition.ts';
import { restoreSignals } from './restore-signals.ts';

/** `writer` names this instance in the verdict log. */
export type CorrelatorOptions = Omit<OwnedPartitionOptions, 'partition' | 'consumer'>;

const restorePatienceMs = 2000;
const expireEveryMs = 25;
const progressEveryMs = 250;
const writeEveryMs = 1000;
const buryEveryMs = 10 * 60 * 1000;

/** The consumer of reports, scores and evidence: owns the partitions that the group gives it, the same ones of all three. */
export class Correlator implements Part {
  readonly name = group;
  readonly #options: CorrelatorOptions;
  readonly #owned = new Map<number, OwnedPartition>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #restoring = new Map<number, Promise<boolean>>();
  /** What comes of these is not taken: it is read again in a moment. */
  readonly #reopening = new Set<number>();
  #consumer: Consumer | undefined;
  #writing: Promise<void> = Promise.resolve();
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
      onLost: (partitions, clean) => this.#lose(partitions, clean),
    });
    this.#every(expireEveryMs, () => {
      for (const owned of this.#owned.values()) owned.expire();
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

  /** Work that waits for scores or for its decision. */
  get waitingCount(): number {
    return [...this.#owned.values()].reduce((sum, { waitingCount }) => sum + waitingCount, 0);
  }

  get ownedCount(): number {
    return this.#owned.size;
  }

  /** Partitions that decide without the signals. */
  get degradedCount(): number {
    return [...this.#owned.values()].filter(({ isDegraded }) => isDegraded).length;
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

  #open(partition: number, consumer: Consumer): Promise<OwnedPartition> {
    const writer = `${this.#options.writer}/${(this.#ownerships += 1)}`;
    return OwnedPartition.open({ ...this.#options, writer, partition, consumer });
  }

  /** One at a time for each partition. */
  #restore(partition: number): Promise<boolean> {
    const { log, signals } = this.#options;
    const running = this.#restoring.get(partition);
    if (running !== undefined) return running;
    const restoring = restoreSignals(log, signals, partition).finally(() =>
      this.#restoring.delete(partition),
    );
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
    for (const [partition, degraded] of this.#owned) {
      if (!degraded.isDegraded || this.#reopening.has(partition)) continue;
      if (!(await this.#restore(partition)) || this.#owned.get(partition) !== degraded) continue;
      this.#reopening.add(partition);
      try {
        await degraded.stop();
        const whole = await this.#open(partition, consumer);
        // It may have been lost meanwhile.
        if (this.#owned.get(partition) !== degraded) continue;
        this.#owned.set(partition, whole);
        whole.rewind();
        this.#options.events.healed(partition);
      } finally {
        this.#reopening.delete(partition);
      }
    }
  }

  async #lose(lost: readonly PartitionRef[], clean: boolean): Promise<void> {
    for (const partition of new Set(lost.map((ref) => ref.partition))) {
      const owned = this.#owned.get(partition);
      if (owned === undefined) continue;
      this.#owned.delete(partition);
      await owned.stop();
      if (clean) await owned.persist(true);
    }
  }

  async #handle(batch: Batch): Promise<void> {
    if (this.#reopening.has(batch.partition)) return;
    const owned = this.#owned.get(batch.partition);
    if (owned === undefined)
      throw new Error(`A batch of ${batch.topic}/${batch.partition} came before its partition was gained.`);
    await owned.handle(batch);
  }

  /** Never rejects: the next turn says more. */
  async #publishProgress(): Promise<void> {
    const progress = [...this.#owned.values()].flatMap((owned) => owned.takeProgress() ?? []);
    await this.#options.log.append(topics.progress, progress).catch((error: unknown) => {
      this.#options.events.effectsDelayed(error);
    });
  }

  #writeSoon(): void {
    this.#writing = this.#writing.then(async () => {
      // A log that is away passes by itself.
      await this.#heal().catch((error: unknown) => {
        if (!isRetryable(error)) throw error;
        this.#options.events.effectsDelayed(error);
      });
      for (const owned of this.#owned.values()) {
        await owned.mend();
        await owned.persist(false);
      }
    });
  }

  async #bury(): Promise<void> {
    for (const owned of this.#owned.values()) await owned.bury();
  }
}
