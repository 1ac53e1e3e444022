import { topics, type AcceptedReport } from '../../contracts/topics.ts';
import type { TopicLog, TypedRecord } from '../../platform/log/topic-log.ts';
import type { ClassifyEvents } from './events.ts';
import type { LineUp } from './line-up.ts';
import type { Scored } from './score-reports.ts';
import { Shadow } from './shadow.ts';
import type { VersionEvents } from './version-events.ts';

const ticksOfPatience = 10;

export interface LineUpScorerOptions {
  readonly log: Pick<TopicLog, 'append'>;
  readonly lineUp: LineUp;
  readonly events: Pick<ClassifyEvents, 'scored' | 'late'> & VersionEvents;
  /** Who has not answered after so long has failed. */
  readonly patienceMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Puts reports to one classifier: its champion answers, then challengers try. While an answer is overdue nothing more is
 * asked, and every report is told so at once: that is missing evidence, which decisions do not wait for.
 */
export class LineUpScorer {
  readonly #options: LineUpScorerOptions;
  readonly #shadow: Shadow;
  #overdue = 0;

  constructor(options: LineUpScorerOptions) {
    this.#options = options;
    this.#shadow = new Shadow(options);
  }

  /** Resolves when the answers are in the log: one for every report that the classifier is asked about. */
  async score(records: readonly TypedRecord<AcceptedReport>[]): Promise<void> {
    const { log, lineUp, events } = this.#options;
    const { accepts, id } = lineUp.profile;
    const asked = records.flatMap(({ value, headers, offset }) =>
      value !== null && !value.historyOnly && accepts.includes(value.artifactKind)
        ? [{ report: value, headers, offset }]
        : [],
    );
    if (asked.length === 0) return;
    const reports = asked.map(({ report }) => report);
    const { scores, inferences } = await this.#answers(reports);
    const placed = scores.map((score, index) => ({ ...score, reportOffset: asked[index]?.offset ?? 0 }));
    await log.append(topics.scores, placed, (index) => asked[index]?.headers ?? {});
    events.scored(id, scores, inferences);
    this.#shadow.offer(reports, scores);
  }

  stop(): Promise<void> {
    return this.#shadow.stop();
  }

  async #answers(reports: readonly AcceptedReport[]): Promise<Scored> {
    const { lineUp, events, patienceMs, now } = this.#options;
    const { champion } = lineUp;
    const startedMs = now();
    if (this.#overdue > 0)
      return champion.refuse(reports, 'it has not answered yet what came before', startedMs);
    const answering = champion.score(reports, startedMs);
    const answers = await within(answering, patienceMs);
    if (answers !== null) return answers;
    this.#overdue += 1;
    // What it throws by then is a bug that nobody catches, as before: it ends the process.
    void answering.finally(() => (this.#overdue -= 1));
    events.late(lineUp.profile.id, reports.length, patienceMs);
    return champion.refuse(reports, `no answer within ${patienceMs} ms`, startedMs);
  }
}

/**
 * Counts the turns of a clock that stands still with the process: one that was paused, or had no processor for long, has
 * not waited for anybody.
 *
 * @returns null when the time is up before it has an answer
 */
async function within<Value>(answer: Promise<Value>, ms: number): Promise<Value | null> {
  let ticks = 0;
  let clock: NodeJS.Timeout | undefined;
  const timeUp = new Promise<null>((resolve) => {
    clock = setInterval(() => {
      if ((ticks += 1) === ticksOfPatience) resolve(null);
    }, ms / ticksOfPatience);
  });
  try {
    return await Promise.race([answer, timeUp]);
  } finally {
    clearInterval(clock);
  }
}
