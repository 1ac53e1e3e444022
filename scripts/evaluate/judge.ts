import { v7 as uuidv7 } from 'uuid';
import { AbsentClassifier } from '../../classifiers/absent-classifier.ts';
import type { Classifier, ClassifierOutcome } from '../../classifiers/classifier.ts';
import { loadClassifiers } from '../../classifiers/registry.ts';
import { toTimestamp, type DeviceId, type TenantId } from '../../contracts/ids.ts';
import { defaultLimits } from '../../contracts/limits.ts';
import type { AcceptedReport } from '../../contracts/records.ts';
import { probabilityOf, type DecisionConfig } from '../../engine/decide/config.ts';
import { loadModel } from '../../platform/onnx/model.ts';
import { parseReport, type Envelope } from '../../services/ingest/parse-report.ts';
import { decided, decisionConfig } from './decided.ts';
import type { ReportParts, TableRow, WholeReport } from '../to-reports/tables.ts';

/**
 * What a classifier makes of a row. `abstain`: it has nothing to say about such a report; `invalid`: the service would
 * refuse the report; `failed`: the classifier broke.
 */
export type Decision = 'block' | 'allow' | 'abstain' | 'invalid' | 'failed';

export interface Judgement {
  /** Of the worst report of the row; the base rate where there is none, as the engine takes no answer. */
  readonly probability: number;
  /** `block`: this classifier alone is sure enough, and nothing caps what it says. */
  readonly decision: Decision;
}

export interface JudgedRow extends Omit<TableRow, 'reports'> {
  /** By the id of the classifier; as `combined`, where several are asked, what the engine decides by all of them. */
  readonly judgements: ReadonlyMap<string, Judgement>;
  /** False where the row describes nothing that is reported. */
  readonly isReported: boolean;
}

const batchRows = 256;

/** The classifiers as the service loads them. @throws Error with the ids that there are, where one is not known */
export async function openClassifiers(ids: readonly string[]): Promise<readonly Classifier[]> {
  const { classifiers } = await loadClassifiers({
    openModel: loadModel,
    ruleFolders: [],
    simulatedRuleFolders: [],
  });
  for (const each of classifiers) if (each instanceof AbsentClassifier) throw new Error(each.reason);
  for (const id of ids)
    if (!classifiers.some(({ profile }) => profile.id === id))
      throw new Error(
        `There is no classifier ${id}; there are ${classifiers.map(({ profile }) => profile.id).join(', ')}.`,
      );
  const wanted = classifiers.filter(({ profile }) => ids.length === 0 || ids.includes(profile.id));
  for (const classifier of classifiers) if (!wanted.includes(classifier)) await classifier.close();
  return wanted;
}

/** Judges rows in their order: the reports enter by the door of the service, once for all classifiers, and are scored in batches as it does. */
export async function* judge(
  classifiers: readonly Classifier[],
  rows: AsyncIterable<TableRow> | Iterable<TableRow>,
): AsyncGenerator<JudgedRow> {
  const config = classifiers.length > 1 ? await decisionConfig() : null;
  let batch: TableRow[] = [];
  for await (const row of rows) {
    batch.push(row);
    if (batch.length < batchRows) continue;
    yield* await judgeBatch(classifiers, batch, config);
    batch = [];
  }
  if (batch.length > 0) yield* await judgeBatch(classifiers, batch, config);
}

type Answers = readonly (ClassifierOutcome | null)[];

/** @param config of the engine; null where nothing is to be combined */
async function judgeBatch(
  classifiers: readonly Classifier[],
  rows: readonly TableRow[],
  config: DecisionConfig | null,
): Promise<readonly JudgedRow[]> {
  const read = rows.map(({ reports }) => reports.map(asInput));
  const answered = new Map<Classifier, readonly Answers[]>();
  for (const classifier of classifiers) answered.set(classifier, await answersOf(classifier, read));
  return rows.map(({ id, item, label, groups, reports }, row) => {
    const inputs = read[row] ?? [];
    const judgements = new Map(
      Array.from(answered, ([classifier, answers]) => [
        classifier.profile.id,
        judgementOf(classifier, inputs, answers[row] ?? []),
      ]),
    );
    if (config !== null) judgements.set('combined', combinedOf(inputs, answered, row, config));
    return { id, item, label, groups, isReported: reports.length > 0, judgements };
  });
}

/** What a classifier says of each report of each row; null where it is not asked. */
async function answersOf(
  classifier: Classifier,
  read: readonly (readonly (AcceptedReport | null)[])[],
): Promise<readonly Answers[]> {
  const { accepts } = classifier.profile;
  const isAsked = (input: AcceptedReport | null): input is AcceptedReport =>
    input !== null && accepts.includes(input.artifactKind);
  const asked = read.flat().filter(isAsked);
  const outcomes = asked.length === 0 ? [] : await classifier.score(asked);
  let next = 0;
  return read.map((inputs) => inputs.map((input) => (isAsked(input) ? (outcomes[next++] ?? null) : null)));
}

function judgementOf(
  { profile }: Classifier,
  inputs: readonly (AcceptedReport | null)[],
  answers: Answers,
): Judgement {
  const judgements = inputs.map((input, index): Judgement => {
    const answer = answers[index];
    if (input === null) return { probability: profile.baseRate, decision: 'invalid' };
    if (answer?.outcome !== 'score')
      return { probability: profile.baseRate, decision: answer?.outcome === 'failed' ? 'failed' : 'abstain' };
    const blocks = answer.probability >= profile.threshold && answer.capped !== true;
    return { probability: answer.probability, decision: blocks ? 'block' : 'allow' };
  });
  return worstOf(judgements, profile.baseRate);
}

function combinedOf(
  inputs: readonly (AcceptedReport | null)[],
  answered: ReadonlyMap<Classifier, readonly Answers[]>,
  row: number,
  config: DecisionConfig,
): Judgement {
  const prior = probabilityOf(config.priorMicronats);
  const judgements = inputs.map((input, index): Judgement => {
    if (input === null) return { probability: prior, decision: 'invalid' };
    const said = Array.from(answered, ([classifier, answers]) => {
      const answer = answers[row]?.[index];
      return answer == null ? null : ([classifier, answer] as const);
    }).filter((each) => each !== null);
    return decided(input, said, config) ?? { probability: prior, decision: 'abstain' };
  });
  return worstOf(judgements, prior);
}

function worstOf(judgements: readonly Judgement[], probability: number): Judgement {
  const rank: readonly Decision[] = ['abstain', 'invalid', 'failed', 'allow', 'block'];
  return judgements.reduce(
    (worst, each) => {
      const [a, b] = [rank.indexOf(worst.decision), rank.indexOf(each.decision)];
      return b > a || (b === a && each.probability > worst.probability) ? each : worst;
    },
    { probability, decision: 'abstain' },
  );
}

const nobody: Pick<Envelope, 'tenantId' | 'deviceId'> = {
  tenantId: '00000000-0000-7000-8000-000000000001' as TenantId,
  deviceId: '00000000-0000-7000-8000-000000000002' as DeviceId,
};

/** @returns null where the service would refuse the report */
export function asInput(parts: ReportParts | WholeReport): AcceptedReport | null {
  const acceptedAtMs = Date.now();
  const acceptedAt = toTimestamp(acceptedAtMs);
  const raw =
    'whole' in parts
      ? parts.whole
      : {
          ...{ id: uuidv7(), '@timestamp': acceptedAt, detectionSource: 'edr', localAction: 'allowed' },
          ...parts,
        };
  const envelope: Envelope = {
    ...nobody,
    ...{ acceptedAt, acceptedAtMs, clockOffsetMs: 0, strict: false },
    bodyBytes: Number.POSITIVE_INFINITY,
  };
  const parsed = parseReport(raw, 0, envelope, defaultLimits);
  return parsed.outcome === 'ok' ? parsed.accepted : null;
}
