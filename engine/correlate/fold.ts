import type { ArtifactKey } from '../../contracts/artifact.ts';
import { toEpochMs, type TenantId } from '../../contracts/ids.ts';
import type { Score, ScoreEvidence, Tactic } from '../../contracts/score.ts';
import type { Fact, SignalStep } from '../../contracts/signals.ts';
import type { AcceptedReport, BehaviorFinding, Finding, SampleFinding } from '../../contracts/records.ts';
import { guardOf, type Guard } from './guard.ts';

/**
 * What of a report, a score, a finding and a decision is remembered of an artifact, as facts of which the last stays.
 * Field names: `content:<classifier>`, `testimony:<classifier>:<tenant>`, `sample:<classifier>:<tenant>`,
 * `finding:<tenant>:<finding>`, `confirmed:<tenant>`, `guard:<tenant>`.
 */

/** A remembered score, as much of it as a later decision needs. Text of the tenant stays out of content facts: those are read for others too. */
export interface ScoreFact {
  readonly probability: number;
  readonly baseRate: number;
  readonly threshold: number;
  readonly version: string;
  readonly capped: boolean;
  readonly tactic: string | null;
  /** It never causes a block alone. */
  readonly supportsOnly?: boolean;
}

export interface FindingFact {
  readonly micronats: number;
  readonly relation: BehaviorFinding['relation'];
  readonly threatName: string | null;
  readonly sourceKey: string;
}

/** A tenant's own evidence was enough for a block. */
export interface ConfirmationFact {
  readonly micronats: number;
}

export const factFields = {
  content: (classifier: string) => `content:${classifier}`,
  testimony: (classifier: string, tenantId: TenantId) => `testimony:${classifier}:${tenantId}`,
  sample: (classifier: string, tenantId: TenantId) => `sample:${classifier}:${tenantId}`,
  finding: (tenantId: TenantId, findingId: string) => `finding:${tenantId}:${findingId}`,
  confirmed: (tenantId: TenantId) => `confirmed:${tenantId}`,
  guard: (tenantId: TenantId) => `guard:${tenantId}`,
} as const;

/** @returns the step that a report and the scores it was joined with make; none where the report is history only */
export function foldReport(report: AcceptedReport, scores: readonly Score[]): SignalStep {
  const atMs = toEpochMs(report.acceptedAt);
  if (report.historyOnly) return { key: report.artifactKey, facts: [] };
  const guard = guardOf(report);
  return {
    key: report.artifactKey,
    sighting: { tenantId: report.tenantId, deviceId: report.deviceId, atMs },
    facts: [
      ...scores.flatMap(scoreFacts),
      ...(guard === null
        ? []
        : [{ field: factFields.guard(report.tenantId), order: atMs, value: guard satisfies Guard }]),
    ],
  };
}

/** @returns the step of scores that came after their report was decided; no sighting, the report made that */
export function foldLateScores(key: ArtifactKey, scores: readonly Score[]): SignalStep {
  return { key, facts: scores.flatMap(scoreFacts) };
}

/** @returns the step of what was found beside the artifact's reports */
export function foldFinding(finding: Finding): SignalStep {
  if (finding.relation === 'sample') return { key: finding.targetKey, facts: sampleFacts(finding) };
  // Testimony of its tenant, as what a device reports: there is no content in it that could become a fact.
  if (finding.relation === 'detonation') return { key: finding.targetKey, facts: scoreFacts(finding.score) };
  const value: FindingFact = {
    micronats: finding.micronats,
    relation: finding.relation,
    threatName: finding.source.threatName ?? null,
    sourceKey: finding.source.artifactKey,
  };
  const field = factFields.finding(finding.tenantId, finding.id);
  return { key: finding.targetKey, facts: [{ field, order: toEpochMs(finding.acceptedAt), value }] };
}

/** @param micronats the tenant's own sum, without what others contributed */
export function confirmationFact(tenantId: TenantId, micronats: number, atMs: number): Fact {
  return {
    field: factFields.confirmed(tenantId),
    order: atMs,
    value: { micronats } satisfies ConfirmationFact,
  };
}

/** @returns the tactic of the strongest finding that names one; what is only tried says nothing */
export function tacticOf(evidence: readonly ScoreEvidence[]): Tactic | null {
  return evidence.find((item) => item.tactic !== undefined && item.simulated !== true)?.tactic ?? null;
}

/**
 * What a sample's content says. What condemns it is remembered for everybody: that it is harmful is what may be known of
 * it. Anything less is remembered for the tenant that sent it alone: a score that another tenant's decision showed, or an
 * answer that it changed, would tell that somebody has sent the same bytes.
 */
function sampleFacts({ score, tenantId }: SampleFinding): readonly Fact[] {
  const { result, classifier } = score;
  if (result.outcome !== 'score' || result.contentProbability === null) return [];
  const condemns = result.capped !== true && result.contentProbability >= score.threshold;
  const field = condemns ? factFields.content(classifier) : factFields.sample(classifier, tenantId);
  return [scoreFact(score, field, result.contentProbability, tacticOf(result.evidence))];
}

function scoreFacts(score: Score): readonly Fact[] {
  const { result, classifier } = score;
  if (result.outcome !== 'score') return [];
  const tactic = tacticOf(result.evidence);
  const contentTactic = tacticOf(result.evidence.filter((item) => item.content));
  const testimony = factFields.testimony(classifier, score.tenantId);
  const own = scoreFact(score, testimony, result.probability, tactic);
  if (result.contentProbability === null) return [own];
  const content = factFields.content(classifier);
  return [own, scoreFact(score, content, result.contentProbability, contentTactic)];
}

function scoreFact(score: Score, field: string, probability: number, tactic: string | null): Fact {
  const { baseRate, threshold, version, supportsOnly, result, scoredAt } = score;
  const capped = result.outcome === 'score' && result.capped === true;
  const value: ScoreFact = {
    ...{ probability, baseRate, threshold, version, capped, tactic },
    ...(supportsOnly !== undefined && { supportsOnly }),
  };
  return { field, order: toEpochMs(scoredAt), value };
}
