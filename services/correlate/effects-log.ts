import type { ReportScores } from '../../contracts/score.ts';
import { topics } from '../../contracts/topics.ts';
import { persist } from '../../platform/log/persist.ts';
import type { RecordHeaders, TopicLog } from '../../platform/log/topic-log.ts';
import type { DecisionEffects } from './decide-occasion.ts';
import type { CorrelateEvents } from './events.ts';
import { group } from './group.ts';
import type { JoinedWork } from './joiner.ts';
import { withReport } from './late-score.ts';
import type { Occasion } from './work.ts';

/** Joined work with the headers of its report: the trace that its effects belong to. */
export interface Traced extends JoinedWork {
  readonly headers: RecordHeaders;
}

export interface Effected {
  readonly work: Traced;
  /** Null: a bug kept it from being decided, and it lies in the dead letters. */
  readonly effects: DecisionEffects | null;
}

/** Where the decisions of one partition leave what they decided. */
export class EffectsLog {
  readonly #log: TopicLog;
  readonly #partition: number;
  readonly #events: CorrelateEvents;
  #stopped = false;

  constructor(log: TopicLog, partition: number, events: CorrelateEvents) {
    this.#log = log;
    this.#partition = partition;
    this.#events = events;
  }

  /** Ends what is tried again and again. */
  stop(): void {
    this.#stopped = true;
  }

  /** Every effect is idempotent, so all are written again until all of them stand. @returns false when it was stopped before */
  async write(done: readonly Effected[]): Promise<boolean> {
    const gather = <Value>(pick: (effects: DecisionEffects) => readonly Value[]) => {
      const rows = done.flatMap(({ work, effects }) =>
        (effects === null ? [] : pick(effects)).map((value) => ({ value, headers: work.headers })),
      );
      return [rows.map(({ value }) => value), (index: number) => rows[index]?.headers ?? {}] as const;
    };
    const written = await this.#insist(() =>
      Promise.all([
        this.#log.append(topics.decisions, ...gather(({ decisions }) => decisions)),
        this.#log.append(topics.verdicts, ...gather(({ verdicts }) => verdicts)),
        this.#log.append(topics.answers, ...gather(({ answers }) => answers)),
        this.#log.append(topics.evidence, ...gather(({ findings }) => findings)),
      ]),
    );
    return written !== null;
  }

  /** @returns where the partition of a topic ends now; null when it was stopped before the log answered */
  endOf(topic: string): Promise<number | null> {
    return this.#insist(async () => (await this.#log.log.ends(topic))[this.#partition] ?? 0);
  }

  /** @returns the occasion of late scores with what their report says; null when it was stopped before the log gave it */
  withReport(occasion: Occasion, record: ReportScores): Promise<Occasion | null> {
    return this.#insist(() => withReport(occasion, record, this.#log, this.#partition));
  }

  /** A bug on one record does not stop the others: it goes to the dead letters as it lies in the log. */
  async bequeath({ work, offsets }: JoinedWork, error: unknown): Promise<void> {
    const partition = this.#partition;
    const detail = error instanceof Error ? error.message : String(error);
    const { reports, scores, evidence } = offsets;
    const origins = [
      ...reports.map((offset) => ({ topic: topics.reports.name, offset })),
      ...(work.kind === 'score' ? scores : []).map((offset) => ({ topic: topics.scores.name, offset })),
      ...evidence.map((offset) => ({ topic: topics.evidence.name, offset })),
    ];
    for (const { topic, offset } of origins) {
      for await (const { records } of this.#log.log.read({ topic, partition, offset }, offset + 1)) {
        await this.#log.bequeath(
          { topic, partition },
          group,
          records.map((record) => ({ record, detail })),
          'FB_EFFECT_FAILED',
        );
      }
    }
  }

  /** @returns null when it was stopped before the log took or answered it */
  #insist<Answer>(ask: () => Promise<Answer>): Promise<Answer | null> {
    const isWanted = (): boolean => !this.#stopped;
    return persist(ask, { isWanted, onRetry: (error) => this.#events.effectsDelayed(error) });
  }
}
