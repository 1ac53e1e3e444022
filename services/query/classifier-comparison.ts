import type { AnswerOfVersion, ShadowScore } from '../../contracts/classifier-versions.ts';
import { FirebreakError } from '../../contracts/errors.ts';
import type { Comparison } from '../../contracts/operations/classifiers.ts';
import { topics } from '../../contracts/topics.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { QueryDatabase } from './database.ts';
import { newestOf } from './newest-records.ts';

/** What analysts said of artifacts. */
export type Known = ReadonlyMap<string, 'malicious' | 'harmless'>;

/** Read at one go: some seconds of a busy service, and some hundred bytes each. */
const newestScores = 200_000;
const examples = 20;

/** @throws FB_NOT_FOUND where nothing was compared yet */
export async function compareVersions(
  log: TopicLog,
  database: Pick<QueryDatabase, 'asOperator'>,
  classifier: string,
  version: string,
): Promise<Comparison> {
  const scores: ShadowScore[] = [];
  for await (const score of newestOf(log, topics.shadow, newestScores))
    if (score.classifier === classifier && score.challenger.version === version) scores.push(score);
  // Beside several champions in turn the figures would mean nothing: the newest counts.
  const newest = scores.reduce<ShadowScore | null>(
    (last, score) => (last === null || score.scoredAt > last.scoredAt ? score : last),
    null,
  );
  if (newest === null)
    throw new FirebreakError(
      'FB_NOT_FOUND',
      `Nothing was compared with version ${version} of ${classifier} within the retention of ${topics.shadow.name}.`,
    );
  const same = scores.filter(({ champion }) => champion.version === newest.champion.version);
  const known = await knownOf(database, [...new Set(same.map(({ artifactKey }) => artifactKey))]);
  return summarize(classifier, same, known);
}

/** An analyst who withdrew what he said says nothing; of several the blocking one counts. */
async function knownOf(database: Pick<QueryDatabase, 'asOperator'>, keys: readonly string[]): Promise<Known> {
  const { rows } = await database.asOperator((client) =>
    client.query<{ artifact_key: string; blocks: boolean }>(
      `select artifact_key, bool_or(action in ('block', 'block-and-remediate')) as blocks from config.overrides
        where artifact_key = any($1::text[]) and coalesce(end_reason, '') <> 'withdrawn'
          and action in ('block', 'block-and-remediate', 'allow') group by 1`,
      [keys],
    ),
  );
  return new Map(rows.map(({ artifact_key: key, blocks }) => [key, blocks ? 'malicious' : 'harmless']));
}

/** @param scores beside one champion, at least one */
export function summarize(classifier: string, scores: readonly ShadowScore[], known: Known): Comparison {
  const times = scores.map(({ scoredAt }) => scoredAt).sort();
  const artifacts = new Set(scores.map(({ artifactKey }) => artifactKey));
  const agreed = scores.filter(({ champion, challenger }) => champion.blocks === challenger.blocks).length;
  const only = (one: 'champion' | 'challenger', other: 'champion' | 'challenger'): string[] =>
    [...new Set(scores.filter((s) => s[one].blocks && !s[other].blocks).map((s) => s.artifactKey))].slice(
      0,
      examples,
    );
  const judged = [...artifacts].flatMap((key) => known.get(key) ?? []);
  return {
    classifier,
    reports: scores.length,
    artifacts: artifacts.size,
    from: times[0] ?? null,
    to: times.at(-1) ?? null,
    agreement: scores.length === 0 ? null : agreed / scores.length,
    champion: sideOf(scores, 'champion', known),
    challenger: sideOf(scores, 'challenger', known),
    known: {
      malicious: judged.filter((word) => word === 'malicious').length,
      harmless: judged.filter((word) => word === 'harmless').length,
    },
    onlyChampion: only('champion', 'challenger'),
    onlyChallenger: only('challenger', 'champion'),
  };
}

function sideOf(
  scores: readonly ShadowScore[],
  side: 'champion' | 'challenger',
  known: Known,
): Comparison['champion'] {
  const words: readonly AnswerOfVersion[] = scores.map((score) => score[side]);
  const distribution = new Array<number>(10).fill(0);
  for (const { probability } of words) {
    const bin = probability === null ? -1 : Math.min(9, Math.floor(probability * 10));
    if (bin >= 0) distribution[bin] = (distribution[bin] ?? 0) + 1;
  }
  const blocked = new Set(scores.filter((score) => score[side].blocks).map((score) => score.artifactKey));
  const judged = [...blocked].flatMap((key) => known.get(key) ?? []);
  const found = judged.filter((word) => word === 'malicious').length;
  return {
    version: words[0]?.version ?? '',
    blocks: words.filter(({ blocks }) => blocks).length,
    unanswered: words.filter(({ probability }) => probability === null).length,
    known: {
      found,
      falselyBlocked: judged.length - found,
      precision: judged.length === 0 ? null : found / judged.length,
    },
    distribution,
  };
}
