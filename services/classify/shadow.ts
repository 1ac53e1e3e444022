import type { AnswerOfVersion, ShadowScore } from '../../contracts/classifier-versions.ts';
import type { ClassifierScore } from '../../contracts/score.ts';
import type { AcceptedReport } from '../../contracts/records.ts';
import { topics } from '../../contracts/topics.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { LineUp } from './line-up.ts';
import type { VersionEvents } from './version-events.ts';

export interface ShadowOptions {
  readonly log: Pick<TopicLog, 'append'>;
  readonly lineUp: LineUp;
  readonly events: Pick<VersionEvents, 'shadowed' | 'shadowSkipped' | 'shadowFailed'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Lets challengers score what the champion has scored, and writes down what both said. Nobody waits for it: while it is
 * at work the next batches are left out and counted, so that a slow challenger costs comparisons and no decision.
 */
export class Shadow {
  readonly #options: ShadowOptions;
  #running: Promise<void> | null = null;

  constructor(options: ShadowOptions) {
    this.#options = options;
  }

  /** @param scores of the champion, one for each report, in order */
  offer(reports: readonly AcceptedReport[], scores: readonly ClassifierScore[]): void {
    const { lineUp, events } = this.#options;
    if (lineUp.challengers.length === 0) return;
    if (this.#running !== null) {
      events.shadowSkipped(lineUp.profile.id, reports.length);
      return;
    }
    this.#running = this.#compare(reports, scores)
      .catch((error: unknown) => events.shadowFailed(lineUp.profile.id, error))
      .finally(() => (this.#running = null));
  }

  async stop(): Promise<void> {
    await this.#running;
  }

  async #compare(reports: readonly AcceptedReport[], champions: readonly ClassifierScore[]): Promise<void> {
    const { log, lineUp, events, now } = this.#options;
    for (const challenger of lineUp.challengers) {
      const { scores } = await challenger.score(reports, now());
      const compared = scores.flatMap((score, index): readonly ShadowScore[] => {
        const champion = champions[index];
        const report = reports[index];
        if (champion === undefined || report === undefined) return [];
        const { artifactKey } = report;
        const { classifier, scoredAt } = score;
        return [{ artifactKey, classifier, scoredAt, champion: wordOf(champion), challenger: wordOf(score) }];
      });
      await log.append(topics.shadow, compared);
      events.shadowed(lineUp.profile.id, compared);
    }
  }
}

function wordOf({ version, threshold, result }: ClassifierScore): AnswerOfVersion {
  if (result.outcome !== 'score') return { version, probability: null, blocks: false };
  const { probability, capped } = result;
  return { version, probability, blocks: probability >= threshold && capped !== true };
}
