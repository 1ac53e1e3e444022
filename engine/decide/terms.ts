import type { Term } from '../../contracts/decision.ts';
import type { Trust } from '../../contracts/domain.ts';
import type { TenantId } from '../../contracts/ids.ts';
import { logOdds, probabilityOf, type DecisionConfig } from './config.ts';
import type { Confirmation, Evidence, Witness } from '../correlate/evidence.ts';

/**
 * What classifiers add that only support: at its threshold one gives all that they may give together, strongest first.
 * What they say for innocence counts nothing, so that one more of them never lowers the sum; and none of it is content
 * that carries a block to other organizations.
 */
export function supportTerms(witnesses: readonly Witness[], config: DecisionConfig): readonly Term[] {
  const weighed = witnesses
    .filter(({ supportsOnly }) => supportsOnly === true)
    .map((witness) => ({ witness, weight: supportOf(witness, config) }))
    .sort((a, b) => b.weight - a.weight || (a.witness.classifier < b.witness.classifier ? -1 : 1));
  let left = config.supportMicronats;
  return weighed.map(({ witness, weight }): Term => {
    const micronats = Math.min(weight, left);
    left -= micronats;
    return {
      name: `${supportPrefix}${witness.classifier}`,
      micronats,
      content: false,
      own: true,
      text: `${witness.classifier} ${witness.version} gives ${witness.probability.toFixed(4)}: it supports what others say (in full from ${witness.threshold}) and never blocks alone`,
    };
  });
}

function supportOf(witness: Witness, config: DecisionConfig): number {
  const base = logOdds(witness.baseRate);
  const span = logOdds(witness.threshold) - base;
  const said = span <= 0 ? 0 : (logOdds(witness.probability) - base) / span;
  const ceiling = witness.capped ? config.cappedWitnessMicronats : config.supportMicronats;
  return Math.max(0, Math.min(ceiling, Math.round(said * config.supportMicronats)));
}

const supportPrefix = 'support:';

/**
 * Whether something else than support speaks for malice, with what a block at the default level lacks after all support.
 * The same is asked at every level: else a name alone would block where the level is high.
 */
export function standsWithoutSupport(terms: readonly Term[], config: DecisionConfig): boolean {
  const others = terms.filter(({ name, micronats }) => micronats > 0 && !name.startsWith(supportPrefix));
  return sumOf(others) >= config.blockMicronats - config.priorMicronats - config.supportMicronats;
}

const whose = {
  'process-image': 'its process',
  'parent-image': 'a process that it started',
  destination: 'a process that contacted it',
} as const;

/** What is already condemned and bears on this artifact, strongest first, bounded together, and once more as a destination. */
export function findingTerms(evidence: Evidence, config: DecisionConfig): readonly Term[] {
  const terms: Term[] = [];
  let left = config.findingsMicronats;
  let leftAsDestination = config.destinationMicronats;
  for (const finding of [...evidence.findings].sort(
    (a, b) => b.micronats - a.micronats || (a.sourceKey < b.sourceKey ? -1 : 1),
  )) {
    const isDestination = finding.relation === 'destination';
    const micronats = Math.min(finding.micronats, left, isDestination ? leftAsDestination : left);
    if (micronats <= 0) continue;
    left -= micronats;
    if (isDestination) leftAsDestination -= micronats;
    terms.push({
      name: `finding:${finding.relation}`,
      micronats,
      content: false,
      own: true,
      text: `${whose[finding.relation]} did what was condemned as ${finding.threatName ?? finding.sourceKey}`,
    });
  }
  return terms;
}

/** One tenant's influence on others, by its trust: bounded each, bounded together. */
export function confirmationMicronats(
  confirmation: Confirmation,
  trust: Trust,
  config: DecisionConfig,
): number {
  const cap = {
    established: config.establishedTenantMicronats,
    new: config.newTenantMicronats,
    suspended: 0,
  }[trust];
  return Math.max(0, Math.min(cap, confirmation.micronats));
}

export function otherTenantsTerm(
  evidence: Evidence,
  trustOf: (tenantId: TenantId) => Trust,
  config: DecisionConfig,
): Term | null {
  const sum = evidence.othersConfirmed.reduce(
    (total, confirmation) =>
      total + confirmationMicronats(confirmation, trustOf(confirmation.tenantId), config),
    0,
  );
  const micronats = Math.min(sum, config.otherTenantsMicronats);
  if (micronats === 0) return null;
  return {
    name: 'others:confirmed',
    micronats,
    content: false,
    own: false,
    text: 'other organizations confirmed it on their own evidence',
  };
}

/** The more devices already have it, the more evidence a block needs: `prevalenceMicronats` for each factor of e beyond the floor. */
export function prevalenceTerm(devices: number, config: DecisionConfig): Term | null {
  if (devices <= config.prevalenceFloorDevices) return null;
  const micronats = Math.round(
    config.prevalenceMicronats * Math.log(devices / config.prevalenceFloorDevices),
  );
  return { name: 'prevalence', micronats, content: true, own: true, text: `${devices} devices have it` };
}

export function priorTerm(config: DecisionConfig): Term {
  const percent = (probabilityOf(config.priorMicronats) * 100).toFixed(0);
  return {
    name: 'prior',
    micronats: config.priorMicronats,
    content: true,
    own: true,
    text: `${percent} % of what agents ask about is malicious`,
  };
}

/** @returns the exact sum */
export function sumOf(terms: readonly Term[]): number {
  return terms.reduce((sum, { micronats }) => sum + micronats, 0);
}
