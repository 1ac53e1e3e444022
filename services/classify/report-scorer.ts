import { setImmediate } from 'node:timers/promises';
import type { ClassifierScore, ReportScores } from '../../contracts/score.ts';
import type { AcceptedReport } from '../../contracts/records.ts';
import { topics } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { Batch, Consumer } from '../../platform/log/log.ts';
import { parseBatch, type TopicLog, type TypedRecord } from '../../platform/log/topic-log.ts';
import type { ClassifyEvents } from './events.ts';
import type { LineUpScorer } from './line-up-scorer.ts';
import { within } from './within.ts';

/** The consumer group, and what lag and dead letters name. */
export const classifyGroup = 'classify';

/** Enough that a batch costs a model little more than one item does, and few milliseconds of any classifier. */
const portion = 32;
/** How long answers wait for those of other classifiers: much less than a report does, and longer than most ever need. */
const gatherMs = 50;

export interface ReportScorerOptions {
  readonly log: TopicLog;
  readonly scorers: readonly LineUpScorer[];
  readonly events: Pick<ClassifyEvents, 'poisoned'>;
}

type Asked = TypedRecord<AcceptedReport> & { readonly value: AcceptedReport };
/** One classifier's answers for a portion, in order; null where it was not asked. */
type Answers = readonly (ClassifierScore | null)[];

/**
 * Reads reports once and puts them to all classifiers side by side, some at a time. What they answer for one report goes
 * into the log together; who needs longer comes after, and holds nobody up. The offset follows once all answers of a batch
 * are in the log.
 */
export class ReportScorer implements Part {
  readonly name = classifyGroup;
  readonly #options: ReportScorerOptions;
  #consumer: Consumer | undefined;

  constructor(options: ReportScorerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#consumer = await this.#options.log.log.consume({
      group: classifyGroup,
      topics: [topics.reports.name],
      from: 'earliest',
      handle: (batch, consumer) => this.#handle(batch, consumer),
    });
  }

  async stop(): Promise<void> {
    await this.#consumer?.stop();
    await Promise.all(this.#options.scorers.map((scorer) => scorer.stop()));
  }

  async #handle(batch: Batch, consumer: Consumer): Promise<void> {
    const { log, events } = this.#options;
    const { records, poison } = parseBatch(topics.reports, batch);
    if (poison.length > 0) {
      await log.bequeath(batch, classifyGroup, poison, 'FB_RECORD_UNREADABLE');
      events.poisoned(classifyGroup, poison.length);
    }
    const asked = records.filter(isAsked);
    const writes: Promise<void>[] = [];
    for (let at = 0; at < asked.length; at += portion) {
      if (at > 0) await setImmediate();
      writes.push(...(await this.#score(asked.slice(at, at + portion))));
    }
    await Promise.all(writes);
    const { topic, partition, end: offset } = batch;
    consumer.commit({ topic, partition, offset });
  }

  /** Resolves when most have answered. @returns what is still to be waited for; each has somebody who hears of its failure */
  async #score(asked: readonly Asked[]): Promise<readonly Promise<void>[]> {
    const reports = asked.map(({ value }) => value);
    const answers = new Map<LineUpScorer, Answers>();
    const all = Promise.all(
      this.#options.scorers.map(async (scorer) => answers.set(scorer, await scorer.score(reports))),
    );
    await within(all, gatherMs);
    const swift = [...answers.values()];
    const writes = [this.#write(asked, swift)];
    if (swift.length < this.#options.scorers.length)
      writes.push(all.then(() => this.#write(asked, [...answers.values()].slice(swift.length))));
    for (const write of writes) write.catch(() => undefined);
    return writes;
  }

  async #write(asked: readonly Asked[], answers: readonly Answers[]): Promise<void> {
    const rows = asked.flatMap(({ value, headers, offset }, index) => {
      const scores = answers.flatMap((each) => each[index] ?? []);
      return scores.length === 0 ? [] : [{ headers, record: recordOf(value, offset, scores) }];
    });
    await this.#options.log.append(
      topics.scores,
      rows.map(({ record }) => record),
      (index) => rows[index]?.headers ?? {},
    );
  }
}

function isAsked(record: TypedRecord<AcceptedReport>): record is Asked {
  return record.value !== null && !record.value.historyOnly;
}

function recordOf(
  { tenantId, deviceId, artifactKey, awaited, report }: AcceptedReport,
  reportOffset: number,
  scores: ClassifierScore[],
): ReportScores {
  const { id: reportId, '@timestamp': reportedAt } = report;
  const held = report.localAction === 'held';
  return { tenantId, deviceId, reportId, reportedAt, reportOffset, artifactKey, awaited, held, scores };
}
