import type { DecisionRecord } from '../../contracts/decision.ts';
import type { Trust } from '../../contracts/domain.ts';
import { toEpochMs, type TenantId } from '../../contracts/ids.ts';
import { laterFact, type ArtifactSignals, type Fact } from '../../contracts/signals.ts';
import type { Answer, Finding, VerdictRecord } from '../../contracts/records.ts';
import { evidenceFromScores, evidenceFromSignals } from '../../engine/correlate/evidence.ts';
import { confirmationFact, factFields } from '../../engine/correlate/fold.ts';
import { testify } from '../../engine/correlate/testify.ts';
import type { DecisionConfig } from '../../engine/decide/config.ts';
import { decide, type DecideInput, type Judgement } from '../../engine/decide/decide.ts';
import { plan, type Plan } from '../../engine/decide/plan.ts';
import { decisionRecord } from '../../engine/decide/record.ts';
import type { VerdictView } from './verdict-view.ts';
import type { Occasion } from './work.ts';

export interface DecideContext {
  readonly view: VerdictView;
  readonly trustOf: (tenantId: TenantId) => Trust;
  readonly config: DecisionConfig;
  /** Names this correlator in the verdict log. */
  readonly writer: string;
  readonly nowMs: number;
}

/** What one decision adds to the log and to the signals. */
export interface DecisionEffects {
  readonly decisions: readonly DecisionRecord[];
  readonly verdicts: readonly VerdictRecord[];
  readonly answers: readonly Answer[];
  readonly findings: readonly Finding[];
  /** The tenant's own evidence is enough: others' decisions are to know. */
  readonly confirmation: Fact | null;
  readonly judgement: Judgement;
}

/** @returns the signals with one more fact, as the fold would make them */
export function withFact(signals: ArtifactSignals, fact: Fact): ArtifactSignals {
  const before = signals.facts.get(fact.field);
  return {
    ...signals,
    facts: new Map(signals.facts).set(fact.field, before === undefined ? fact : laterFact(before, fact)),
  };
}

/** @param signals of the artifact after the fold; null when the store is away */
export function decideInputOf(
  { key, kind, tenantId, scores }: Occasion,
  signals: ArtifactSignals | null,
  { view, trustOf, config, nowMs }: DecideContext,
): DecideInput {
  return {
    artifactKey: key,
    kind,
    tenantId,
    evidence: signals === null ? evidenceFromScores(scores) : evidenceFromSignals(signals, tenantId),
    trustOf,
    recentEcosystemBlocks: view.recentEcosystemBlocks(nowMs),
    degraded: signals === null,
    config,
  };
}

/** @param signals of the artifact after the fold; null when the store is away */
export function decideOccasion(
  occasion: Occasion,
  signals: ArtifactSignals | null,
  context: DecideContext,
): DecisionEffects {
  const { view, trustOf, config, nowMs } = context;
  const { key, tenantId, deviceId } = occasion;
  const input = decideInputOf(occasion, signals, context);
  const { evidence } = input;
  const judgement = decide(input);
  const standing = view.standing(key, tenantId, deviceId, nowMs);
  // Who waits gets an answer even where one is in force: the ingest instance that holds the request may not know it.
  const planned =
    occasion.report?.historyOnly === true
      ? NOTHING
      : plan({
          judgement,
          artifactKey: key,
          tenantId,
          deviceId,
          nowMs,
          standing: { ...standing, answered: standing.answered && !occasion.awaited },
        });
  const effects = effectsOf(planned, occasion, context);
  const record =
    planned.kind === 'nothing'
      ? []
      : [
          decisionRecord({
            ...occasion,
            judgement,
            entry: planned.entry,
            isAnswer: planned.kind === 'answer',
            evidence,
            signals,
            trustOf,
            config,
            nowMs,
          }),
        ];
  return {
    ...effects,
    decisions: record,
    findings: occasion.report === null ? [] : testify(occasion.report, judgement, config, nowMs),
    confirmation: confirmationOf(occasion, judgement, signals, config),
    judgement,
  };
}

const NOTHING: Plan = { kind: 'nothing' };

function effectsOf(
  planned: Plan,
  occasion: Occasion,
  { writer }: DecideContext,
): Pick<DecisionEffects, 'verdicts' | 'answers'> {
  if (planned.kind === 'nothing') return { verdicts: [], answers: [] };
  const { entry, subject } = planned;
  const { tenantId, deviceId, processEntityId } = occasion;
  const { reportId } = occasion.trigger;
  if (planned.kind === 'answer') {
    // Who waits is not told that nothing was found while somebody is still to look: those scores come, or it waits in vain.
    if (occasion.end === 'deadline') return { verdicts: [], answers: [] };
    const { held } = occasion;
    return {
      verdicts: [],
      answers: [{ artifactKey: entry.key, subject, entry, origin: { deviceId, reportId }, held }],
    };
  }
  const origin = { tenantId, deviceId, reportId, ...(processEntityId !== null && { processEntityId }) };
  return { verdicts: [{ kind: 'entry', subject, entry, origin, writer }], answers: [] };
}

/** Confirms once: a tenant's standing confirmation is not written again by every further report. */
function confirmationOf(
  occasion: Occasion,
  judgement: Judgement,
  signals: ArtifactSignals | null,
  config: DecisionConfig,
): Fact | null {
  if (signals === null || judgement.ownSumMicronats < config.blockMicronats) return null;
  if (signals.facts.has(factFields.confirmed(occasion.tenantId))) return null;
  return confirmationFact(
    occasion.tenantId,
    judgement.ownSumMicronats,
    toEpochMs(occasion.trigger.acceptedAt),
  );
}
