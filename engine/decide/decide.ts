import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { DecisionStep, Term } from '../../contracts/decision.ts';
import type {
  Action,
  ArtifactKind,
  BlockLevel,
  Reach,
  ReasonCode,
  Remediation,
  Severity,
  Trust,
  Verdict,
} from '../../contracts/domain.ts';
import type { TenantId } from '../../contracts/ids.ts';
import type { Evidence } from '../correlate/evidence.ts';
import { blastRadius } from './blast-radius.ts';
import { probabilityOf, type DecisionConfig } from './config.ts';
import { reach } from './reach.ts';
import {
  findingTerms,
  otherTenantsTerm,
  prevalenceTerm,
  priorTerm,
  standsWithoutSupport,
  sumOf,
  supportTerms,
} from './terms.ts';
import { actionFor, severityFor, threatNameFor, threshold } from './threshold.ts';
import { witnessTerms } from './witness-terms.ts';

/** Everything that a decision depends on. No clock, no randomness: the same input gives the same judgement. */
export interface DecideInput {
  readonly artifactKey: ArtifactKey;
  readonly kind: ArtifactKind;
  readonly tenantId: TenantId;
  readonly evidence: Evidence;
  readonly trustOf: (tenantId: TenantId) => Trust;
  readonly recentEcosystemBlocks: number;
  /** Cross-tenant signals are away: the evidence is the tenant's own alone. */
  readonly degraded: boolean;
  readonly config: DecisionConfig;
}

export interface Judgement {
  readonly verdict: Verdict;
  readonly blockFrom: BlockLevel;
  readonly reach: Reach;
  readonly action: Action;
  readonly remediation: readonly Remediation[];
  readonly threatName: string | null;
  readonly severity: Severity;
  readonly reason: ReasonCode;
  /** How long an entry of it lives. */
  readonly lifeMs: number;
  readonly terms: readonly Term[];
  /** Exactly the sum of the terms. */
  readonly sumMicronats: number;
  readonly contentSumMicronats: number;
  /** The sum without what other tenants contributed. */
  readonly ownSumMicronats: number;
  readonly steps: readonly DecisionStep[];
}

/** Weighs the evidence on one artifact for one tenant: threshold, reach, blast radius, life, in this order, each step recorded. */
export function decide(input: DecideInput): Judgement {
  const { evidence, config } = input;
  const shared = [priorTerm(config), prevalenceTerm(evidence.devices, config)].filter(
    (term) => term !== null,
  );
  const own = [
    ...[...shared, ...witnessTerms(evidence.own, config)],
    ...[...supportTerms(evidence.own, config), ...findingTerms(evidence, config)],
  ];
  const others = otherTenantsTerm(evidence, input.trustOf, config);
  const terms = others === null ? own : [...own, others];
  const sums = {
    sumMicronats: sumOf(terms),
    ownSumMicronats: sumOf(own),
    contentSumMicronats: sumOf([...shared, ...witnessTerms(evidence.content, config)]),
  };
  const { verdict, blockFrom } = threshold(sums.sumMicronats, config);
  const first: DecisionStep = {
    step: 'threshold',
    outcome: verdict,
    text: thresholdText(sums.sumMicronats, blockFrom),
  };
  const tactic = strongestTactic(evidence);
  const { action, remediation } = actionFor(verdict, input.kind);
  const common = { verdict, blockFrom, terms, ...sums, severity: severityFor(verdict, tactic) };
  if (verdict === 'no-threats-found') {
    // Whose word it rests on decides how far it goes: content holds for the tenant, testimony for the device that gave it.
    const reachOfAnswer: Reach = evidence.content.length > 0 ? 'tenant' : 'device';
    return {
      ...common,
      reach: reachOfAnswer,
      action,
      remediation,
      threatName: null,
      reason: 'no-evidence',
      lifeMs: config.answerLifeMs,
      steps: [first],
    };
  }
  if (verdict === 'suspicious') {
    return finish({ reach: 'tenant', reason: 'weak-evidence', step: null }, config.suspicionLifeMs);
  }
  return finish(
    reach({ ...input, kind: input.kind, contentSum: sums.contentSumMicronats, ownSum: sums.ownSumMicronats }),
    config.blockLifeMs,
  );

  function finish(
    decided: { reach: Reach; reason: ReasonCode; step: DecisionStep | null },
    lifeMs: number,
  ): Judgement {
    const stands = standsWithoutSupport(terms, config);
    const bounded = blastRadius({ ...input, reach: decided.reach, action: stands ? action : 'audit' });
    const crossed = bounded.reach === 'ecosystem';
    const steps = [
      first,
      ...(stands ? [] : [supportAlone]),
      ...(decided.step === null ? [] : [decided.step]),
      ...bounded.steps,
    ];
    return {
      ...common,
      reach: bounded.reach,
      action: bounded.action,
      remediation: bounded.action === 'audit' ? [] : remediation,
      threatName: threatNameFor(
        input.kind,
        tactic,
        evidence.own.map(({ classifier }) => classifier),
      ),
      reason: crossed || decided.reach !== 'ecosystem' ? decided.reason : 'tenant-evidence',
      lifeMs,
      steps,
    };
  }
}

const supportAlone: DecisionStep = {
  step: 'support',
  outcome: 'audit',
  text: 'It rests on what only supports: seen and told, blocked at no level.',
};

function thresholdText(sum: number, blockFrom: BlockLevel): string {
  return `The sum is a probability of ${probabilityOf(sum).toFixed(4)}; ${blockFrom} is the lowest level that blocks on it.`;
}

/** The tactic of the strongest witness that names one. */
function strongestTactic(evidence: Evidence): string | null {
  const named = evidence.own
    .filter((witness) => witness.tactic !== null)
    .sort((a, b) => b.probability - a.probability || (a.classifier < b.classifier ? -1 : 1));
  return named[0]?.tactic ?? null;
}
