import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { Trust } from '../../contracts/domain.ts';
import { isFirebreakError } from '../../contracts/errors.ts';
import type { TenantId, Timestamp } from '../../contracts/ids.ts';
import type { Limits } from '../../contracts/limits.ts';
import type { ArtifactSignals, Fact, SignalStep } from '../../contracts/signals.ts';
import type { AcceptedReport, Finding } from '../../contracts/records.ts';
import { topics } from '../../contracts/topics.ts';
import type { ReportScores } from '../../contracts/score.ts';
import type { DecisionConfig } from '../../engine/decide/config.ts';
import { isSettled } from '../../engine/decide/settled.ts';
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
import { EffectsLog, type Effected, type Traced } from './effects-log.ts';
import type { CorrelateEvents } from './events.ts';
import { Joiner, type JoinedWork } from './joiner.ts';
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

interface Done extends Effected {
  readonly occasion: Occasion;
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
  readonly #effects: EffectsLog;
  readonly #headers = new Map<number, RecordHeaders>();
  #ready: Traced[] = [];
  #newestRead: Timestamp | null = null;
  #pumping: Promise<void> = Promise.resolve();
  #isPumping = false;
  #stopped = false;
  #isDegraded = false;
  #isAsking = false;

  constructor(options: PartitionCorrelatorOptions) {
    this.#options = options;
    const { profiles, limits, log, partition, events } = options;
    this.#effects = new EffectsLog(log, partition, events);
    this.#joiner = new Joiner({
      profiles,
      joinDeadlineMs: limits.joinDeadlineMs,
      heldScores: limits.heldScoresPerPartition,
      start: { reports: options.offsets.reports.end, scores: options.offsets.scores.end },
    });
  }

  async acceptReports(records: readonly TypedRecord<AcceptedReport>[], end: number): Promise<void> {
    const { offsets } = this.#options;
    for (const { offset, value, headers } of records) {
      if (value === null) continue;
      offsets.reports.open(offset);
      this.#newestRead = value.acceptedAt;
      this.#headers.set(offset, headers);
      this.#enqueue(this.#joiner.report(value, offset));
    }
    offsets.reports.read(end);
    this.#enqueue(this.#joiner.reportsRead(end));
    await this.#room();
  }

  async acceptScores(records: readonly TypedRecord<ReportScores>[], end: number): Promise<void> {
    const { offsets } = this.#options;
    for (const { offset, value } of records) {
      if (value === null) continue;
      offsets.scores.open(offset);
      this.#enqueue(this.#joiner.scores(value, offset));
    }
    offsets.scores.read(end);
    this.#joiner.scoresRead(end);
    if (this.#joiner.asksForReportsEnd) {
      const reportsEnd = await this.#effects.endOf(topics.reports.name);
      if (reportsEnd !== null) this.#enqueue(this.#joiner.reportsEnd(reportsEnd));
    }
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
    const nowMs = this.#options.now();
    if (this.#joiner.asksForScoresEnd(nowMs) && !this.#isAsking) {
      this.#isAsking = true;
      void this.#askForScoresEnd(nowMs).finally(() => (this.#isAsking = false));
    }
    this.#enqueue(this.#joiner.expire(nowMs));
  }

  /** Finishes what is being decided and takes up nothing more; what waits for scores is read again by the next owner. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#effects.stop();
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

  #withHeaders(work: JoinedWork): Traced {
    const { reports } = work.offsets;
    const headers =
      reports.map((offset) => this.#headers.get(offset)).find((found) => found !== undefined) ?? {};
    for (const offset of reports) this.#headers.delete(offset);
    return { ...work, headers };
  }

  async #askForScoresEnd(nowMs: number): Promise<void> {
    const scoresEnd = await this.#effects.endOf(topics.scores.name);
    if (scoresEnd === null) return;
    this.#joiner.scoresEnd(scoresEnd, nowMs);
    this.#enqueue(this.#joiner.expire(nowMs));
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

  async #decide(taken: readonly Traced[]): Promise<void> {
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
        done.push({ work: ready, occasion, effects });
        events.decided(ready.work, effects, nowMs);
      } catch (error) {
        events.undecidable(ready.work, error);
        await this.#effects.bequeath(ready, error);
        done.push({ work: ready, occasion, effects: null });
      }
    }
    if (!(await this.#effects.write(done))) return;
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
    const whole = await this.#effects.withReport(occasion, work.record);
    return whole === null ? null : decideOccasion(whole, signals, context);
  }

  #context(nowMs: number): DecideContext {
    const { view, trustOf, config, writer } = this.#options;
    return { view, trustOf, config, writer, nowMs };
  }

  /** @returns the work itself; where it is only proposed as settled, null unless it is and still waits */
  #claim(
    proposed: Traced,
    occasion: Occasion,
    signals: ArtifactSignals | null,
    context: DecideContext,
  ): Traced | null {
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

  async #confirm(learned: ReadonlyMap<string, readonly Fact[]>): Promise<void> {
    if (learned.size === 0) return;
    await this.#fold([...learned].map(([key, facts]) => ({ key: key as SignalStep['key'], facts })));
  }

  #settle(done: readonly Done[], folded: boolean, nowMs: number): void {
    const { changelog, offsets } = this.#options;
    for (const { work, occasion } of done) {
      const { sighting, facts } = occasion.step;
      if (sighting === undefined && facts.length === 0) offsets.settle(work.offsets);
      else if (folded) changelog.touch(occasion.key, work.offsets, nowMs);
      // Not committable: what the signals do not know must be read again.
      else this.#isDegraded = true;
    }
  }
}

/** @param learned facts that decisions of the same portion added after the fold */
function signalsWith(state: ArtifactSignals | null, learned: readonly Fact[] = []): ArtifactSignals | null {
  return state === null ? null : learned.reduce(withFact, state);
}
