import type { ClassifierScore } from '../../contracts/score.ts';
import type { AcceptedReport } from '../../contracts/records.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { ClassifyEvents } from './events.ts';
import type { LineUp } from './line-up.ts';
import type { Scored } from './score-reports.ts';
import { Shadow } from './shadow.ts';
import type { VersionEvents } from './version-events.ts';
import { within } from './within.ts';

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

  /** @returns an answer for each report, in order; null where the classifier is not asked about such an artifact */
  async score(reports: readonly AcceptedReport[]): Promise<readonly (ClassifierScore | null)[]> {
    const { lineUp, events } = this.#options;
    const { accepts, id } = lineUp.profile;
    const isAsked = ({ artifactKind }: AcceptedReport): boolean => accepts.includes(artifactKind);
    const asked = reports.filter(isAsked);
    if (asked.length === 0) return reports.map(() => null);
    const { scores, inferences } = await this.#answers(asked);
    events.scored(id, asked, scores, inferences);
    this.#shadow.offer(asked, scores);
    const answers = scores.values();
    return reports.map((report) => (isAsked(report) ? (answers.next().value ?? null) : null));
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
