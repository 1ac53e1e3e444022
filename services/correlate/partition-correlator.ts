import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { Trust } from '../../contracts/domain.ts';
import { isFirebreakError } from '../../contracts/errors.ts';
import type { TenantId, Timestamp } from '../../contracts/ids.ts';
import type { Limits } from '../../contracts/limits.ts';
import type { ArtifactSignals, Fact, SignalStep } from '../../contracts/signals.ts';
import { topics, type AcceptedReport, type Finding } from '../../contracts/topics.ts';
import type { Score } from '../../contracts/score.ts';
import type { DecisionConfig } from '../../engine/decide/config.ts';
import { isSettled } from '../../engine/decide/settled.ts';
import { persist } from '../../platform/log/persist.ts';
import type { RecordHeaders, TopicLog, TypedRecord } from '../../platform/log/topic-log.ts';
import type { Signals } from '../../platform/signals/signals.ts';
import type { Changelog } from './changelog.ts';
import {
  decideInputOf,
  decideOccasion,
  withFact,
  type DecideContext,
  type DecisionEffects,
} from './decide-occasion.ts';
import type { CorrelateEvents } from './events.ts';
import { Joiner, type JoinedWork } from './joiner.ts';
import { withReport } from './late-score.ts';
import type { PartitionOffsets } from './partition-offsets.ts';
import type { VerdictView } from './verdict-view.ts';
import { occasionOf, type Occasion, type Work } from './work.ts';

export interface PartitionCorrelatorOptions {
  readonly partition: number;
  readonly log: TopicLog;
  readonly signals: Signals;
  readonly changelog: Changelog;
  readonly profiles: readonly ClassifierProfile[];
  readonly view: VerdictView;
  readonly offsets: PartitionOffsets;
  readonly trustOf: (tenantId: TenantId) => Trust;
  readonly config: DecisionConfig;
  readonly limits: Limits;
  readonly writer: string;
  readonly events: CorrelateEvents;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

interface Ready extends JoinedWork {
  readonly headers: RecordHeaders;
}

interface Done {
  readonly ready: Ready;
  readonly occasion: Occasion;
  /** Null: a bug kept it from being decided, and it lies in the dead letters. */
  readonly effects: DecisionEffects | null;
}

/** Work decided together: one round trip to the signals, one commit of the log. */
const portion = 256;
/** Undecided work beyond which reading waits. */
const backlog = 4096;

/**
 * The owner of one partition of artifacts: joins, folds, decides, in the order in which work became ready.
 *
 *   read ──join──▶ ready ──fold──▶ decide ──effects in the log──▶ folded state in the changelog ──▶ settled
 *
 * One portion at a time, so each decision sees what the one before it wrote.
 */
export class PartitionCorrelator {
  readonly #options: PartitionCorrelatorOptions;
  readonly #joiner: Joiner;
  readonly #headers = new Map<number, RecordHeaders>();
  #ready: Ready[] = [];
  #newestRead: Timestamp | null = null;
  #pumping: Promise<void> = Promise.resolve();
  #isPumping = false;
  #stopped = false;
  #isDegraded = false;

  constructor(options: PartitionCorrelatorOptions) {
    this.#options = options;
    const { profiles, limits } = options;
    this.#joiner = new Joiner({
      profiles,
      joinDeadlineMs: limits.joinDeadlineMs,
      heldScores: limits.heldScoresPerPartition,
      start: { reports: options.offsets.reports.end, scores: options.offsets.scores.end },
    });
  }

  async acceptReports(records: readonly TypedRecord<AcceptedReport>[], end: number): Promise<void> {
    const { log, offsets, partition } = this.#options;
    const scoresEnd = (await log.log.ends(topics.scores.name))[partition] ?? 0;
    for (const { offset, value, headers } of records) {
      if (value === null) continue;
      offsets.reports.open(offset);
      this.#newestRead = value.acceptedAt;
      this.#headers.set(offset, headers);
      this.#enqueue(this.#joiner.report(value, offset, scoresEnd));
    }
    offsets.reports.read(end);
    this.#enqueue(this.#joiner.reportsRead(end));
    await this.#room();
  }

  async acceptScores(records: readonly TypedRecord<Score>[], end: number): Promise<void> {
    const { log, offsets, partition } = this.#options;
    const reportsEnd = (await log.log.ends(topics.reports.name))[partition] ?? 0;
    for (const { offset, value } of records) {
      if (value === null) continue;
      offsets.scores.open(offset);
      this.#enqueue(this.#joiner.score(value, offset, reportsEnd));
    }
    offsets.scores.read(end);
    this.#joiner.scoresRead(end);
    await this.#room();
  }

  async acceptFindings(records: readonly TypedRecord<Finding>[], end: number): Promise<void> {
    for (const { offset, value, headers } of records) {
      if (value === null) continue;
      this.#options.offsets.evidence.open(offset);
      this.#ready.push({
        work: { kind: 'finding', finding: value },
        offsets: { reports: [], scores: [], evidence: [offset] },
        headers,
      });
    }
    this.#options.offsets.evidence.read(end);
    this.#pump();
    await this.#room();
  }

  /** Decides what has waited long enough. Cheap when nothing has. */
  expire(): void {
    this.#enqueue(this.#joiner.expire(this.#options.now()));
  }

  /** Finishes what is being decided and takes up nothing more; what waits for scores is read again by the next owner. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#pumping;
  }

  /** Something was decided without the signals: it is to be read and folded again once they are back. */
  get isDegraded(): boolean {
    return this.#isDegraded;
  }

  get waitingCount(): number {
    return this.#joiner.waitingCount + this.#ready.length;
  }

  /** @returns when the oldest undecided report was accepted, or the newest one when all are decided; null before any was read */
  get decidedUntil(): Timestamp | null {
    for (const { work } of this.#ready) if (work.kind === 'report') return work.join.report.acceptedAt;
    return this.#joiner.oldestWaiting?.acceptedAt ?? this.#newestRead;
  }

  #enqueue(works: readonly JoinedWork[]): void {
    for (const work of works) this.#ready.push(this.#withHeaders(work));
    if (works.length > 0) this.#pump();
  }

  #withHeaders(work: JoinedWork): Ready {
    const { reports } = work.offsets;
    const headers =
      reports.map((offset) => this.#headers.get(offset)).find((found) => found !== undefined) ?? {};
    for (const offset of reports) this.#headers.delete(offset);
    return { ...work, headers };
  }

  async #room(): Promise<void> {
    while (this.#ready.length > backlog && !this.#stopped) await this.#pumping;
  }

  #pump(): void {
    if (this.#isPumping || this.#stopped) return;
    this.#isPumping = true;
    this.#pumping = this.#drain().finally(() => {
      this.#isPumping = false;
      if (this.#ready.length > 0) this.#pump();
    });
    this.#pumping.catch((error: unknown) => this.#options.events.failed(error));
  }

  async #drain(): Promise<void> {
    // A tick for more work to gather: a batch of reports becomes one portion, not one each.
    await Promise.resolve();
    while (this.#ready.length > 0 && !this.#stopped) {
      const taken = this.#ready.slice(0, portion);
      this.#ready = this.#ready.slice(portion);
      await this.#decide(taken);
    }
  }

  async #decide(taken: readonly Ready[]): Promise<void> {
    const { events } = this.#options;
    const occasions = taken.map(({ work }) => occasionOf(work));
    const states = await this.#fold(occasions.map(({ step }) => step));
    const nowMs = this.#options.now();
    const learned = new Map<string, Fact[]>();
    const done: Done[] = [];
    for (const [index, proposed] of taken.entries()) {
      const occasion = occasions[index];
      if (occasion === undefined) continue;
      const signals = signalsWith(states?.[index] ?? null, learned.get(occasion.key));
      const context = this.#context(nowMs);
      const ready = this.#claim(proposed, occasion, signals, context);
      if (ready === null) continue;
      try {
        const effects = await this.#judge(ready.work, occasion, signals, context);
        if (effects === null) return;
        this.#remember(effects, occasion, learned, nowMs);
        done.push({ ready, occasion, effects });
        events.decided(ready.work, effects, nowMs);
      } catch (error) {
        events.undecidable(ready.work, error);
        await this.#bequeath(ready, error);
        done.push({ ready, occasion, effects: null });
      }
    }
    if (!(await this.#write(done))) return;
    await this.#confirm(learned);
    this.#settle(done, states !== null, nowMs);
  }

  /** @returns null when it was stopped before the log gave what it takes */
  async #judge(
    work: Work,
    occasion: Occasion,
    signals: ArtifactSignals | null,
    context: DecideContext,
  ): Promise<DecisionEffects | null> {
    const effects = decideOccasion(occasion, signals, context);
    if (work.kind !== 'score' || effects.judgement.verdict !== 'malicious') return effects;
    // What it was done by is in the report, which was decided before anything spoke against it.
    const { log, partition } = this.#options;
    const whole = await this.#insist(() => withReport(occasion, work.score, log, partition));
    return whole === null ? null : decideOccasion(whole, signals, context);
  }

  #context(nowMs: number): DecideContext {
    const { view, trustOf, config, writer } = this.#options;
    return { view, trustOf, config, writer, nowMs };
  }

  /** @returns the work itself; where it is only proposed as settled, null unless it is and still waits */
  #claim(
    proposed: Ready,
    occasion: Occasion,
    signals: ArtifactSignals | null,
    context: DecideContext,
  ): Ready | null {
    const { work } = proposed;
    if (work.kind !== 'report' || work.end !== 'settled') return proposed;
    const missing = this.#options.profiles.filter(({ id }) => occasion.missing.includes(id));
    if (!isSettled(decideInputOf(occasion, signals, context), missing)) return null;
    const claimed = this.#joiner.claim(work.join);
    return claimed === null ? null : this.#withHeaders(claimed);
  }

  #remember(effects: DecisionEffects, { key }: Occasion, learned: Map<string, Fact[]>, nowMs: number): void {
    const { view } = this.#options;
    if (effects.confirmation !== null) learned.set(key, [...(learned.get(key) ?? []), effects.confirmation]);
    for (const record of effects.verdicts) {
      view.apply(record);
      if (record.kind === 'entry' && record.entry.reach === 'ecosystem') view.countEcosystemBlock(nowMs);
    }
    for (const answer of effects.answers) view.answer(answer);
  }

  /** @returns the states after the steps, or null while the store is away */
  async #fold(steps: readonly SignalStep[]): Promise<readonly ArtifactSignals[] | null> {
    try {
      return await this.#options.signals.fold(steps);
    } catch (error) {
      if (!isFirebreakError(error) || !error.retryable) throw error;
      this.#options.events.signalsAway(error);
      return null;
    }
  }

  /** Every effect is idempotent, so all are written again until all of them stand. @returns false when it was stopped before */
  async #write(done: readonly Done[]): Promise<boolean> {
    const { log } = this.#options;
    const gather = <Value>(pick: (effects: DecisionEffects) => readonly Value[]) => {
      const rows = done.flatMap(({ ready, effects }) =>
        (effects === null ? [] : pick(effects)).map((value) => ({ value, headers: ready.headers })),
      );
      return [rows.map(({ value }) => value), (index: number) => rows[index]?.headers ?? {}] as const;
    };
    const written = await this.#insist(() =>
      Promise.all([
        log.append(topics.decisions, ...gather(({ decisions }) => decisions)),
        log.append(topics.verdicts, ...gather(({ verdicts }) => verdicts)),
        log.append(topics.answers, ...gather(({ answers }) => answers)),
        log.append(topics.evidence, ...gather(({ findings }) => findings)),
      ]),
    );
    return written !== null;
  }

  /** Until the log has done it. @returns null when this was stopped before */
  #insist<Result>(attempt: () => Promise<Result>): Promise<Result | null> {
    const { events } = this.#options;
    const isWanted = (): boolean => !this.#stopped;
    return persist(attempt, { isWanted, onRetry: (error) => events.effectsDelayed(error) });
  }

  async #confirm(learned: ReadonlyMap<string, readonly Fact[]>): Promise<void> {
    if (learned.size === 0) return;
    await this.#fold([...learned].map(([key, facts]) => ({ key: key as SignalStep['key'], facts })));
  }

  #settle(done: readonly Done[], folded: boolean, nowMs: number): void {
    const { changelog, offsets } = this.#options;
    for (const { ready, occasion } of done) {
      const { sighting, facts } = occasion.step;
      if (sighting === undefined && facts.length === 0) offsets.settle(ready.offsets);
      else if (folded) changelog.touch(occasion.key, ready.offsets, nowMs);
      // Not committable: what the signals do not know must be read again.
      else this.#isDegraded = true;
    }
  }

  /** A bug on one record does not stop the others: it goes to the dead letters as it lies in the log. */
  async #bequeath(ready: Ready, error: unknown): Promise<void> {
    const { log, partition } = this.#options;
    const detail = error instanceof Error ? error.message : String(error);
    const { reports, scores, evidence } = ready.offsets;
    const origins = [
      ...reports.map((offset) => ({ topic: topics.reports.name, offset })),
      ...(ready.work.kind === 'score' ? scores : []).map((offset) => ({ topic: topics.scores.name, offset })),
      ...evidence.map((offset) => ({ topic: topics.evidence.name, offset })),
    ];
    for (const { topic, offset } of origins) {
      for await (const { records } of log.log.read({ topic, partition, offset }, offset + 1)) {
        await log.bequeath(
          { topic, partition },
          group,
          records.map((record) => ({ record, detail })),
          'FB_EFFECT_FAILED',
        );
      }
    }
  }
}

/** @param learned facts that decisions of the same portion added after the fold */
function signalsWith(state: ArtifactSignals | null, learned: readonly Fact[] = []): ArtifactSignals | null {
  return state === null ? null : learned.reduce(withFact, state);
}

/** The consumer group of the correlators. */
export const group = 'correlate';
