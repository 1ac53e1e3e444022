import { mayLeaveTenant } from '../../contracts/canonical.ts';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { DecisionStep } from '../../contracts/decision.ts';
import type { ArtifactKind, Reach, ReasonCode, Trust } from '../../contracts/domain.ts';
import type { TenantId } from '../../contracts/ids.ts';
import type { Evidence } from '../correlate/evidence.ts';
import { probabilityOf, type DecisionConfig } from './config.ts';

export interface ReachInput {
  readonly artifactKey: ArtifactKey;
  readonly kind: ArtifactKind;
  readonly tenantId: TenantId;
  readonly evidence: Evidence;
  /** Sum of content evidence alone. */
  readonly contentSum: number;
  /** The tenant's own sum, without what others contributed. */
  readonly ownSum: number;
  readonly trustOf: (tenantId: TenantId) => Trust;
  readonly degraded: boolean;
  readonly config: DecisionConfig;
}

export interface ReachDecision {
  readonly reach: Reach;
  readonly reason: ReasonCode;
  readonly step: DecisionStep;
}

/** Addresses and certificates are shared by the innocent: they never get an automatic ecosystem entry. */
const crossingKinds: readonly ArtifactKind[] = ['file', 'script', 'command-line', 'url', 'domain'];

/**
 * How far a malicious verdict goes. Testimony decides for its own tenant; the ecosystem is reached by content evidence
 * alone, or when `consensusTenants` established tenants confirm, each on its own evidence.
 */
export function reach(input: ReachInput): ReachDecision {
  const { config } = input;
  const within = (why: string): ReachDecision => ({
    reach: 'tenant',
    reason: tenantReason(input.evidence),
    step: { step: 'reach', outcome: 'tenant', text: why },
  });
  if (input.degraded) return within('Cross-tenant signals are away: nothing leaves the tenant.');
  if (!mayLeaveTenant(input.artifactKey)) return within('Known by a digest weaker than SHA-256 only.');
  if (!crossingKinds.includes(input.kind))
    return within(`An artifact of kind ${input.kind} is shared by the innocent.`);
  if (input.contentSum >= config.ecosystemMicronats) {
    const text = `Content alone gives ${probabilityOf(input.contentSum).toFixed(4)}, at least ${probabilityOf(config.ecosystemMicronats).toFixed(4)}.`;
    return {
      reach: 'ecosystem',
      reason: 'content-evidence',
      step: { step: 'reach', outcome: 'ecosystem', text },
    };
  }
  const confirming = confirmingTenants(input);
  if (confirming >= config.consensusTenants) {
    const text = `${confirming} established tenants confirmed on their own evidence, at least ${config.consensusTenants}.`;
    return {
      reach: 'ecosystem',
      reason: 'tenant-consensus',
      step: { step: 'reach', outcome: 'ecosystem', text },
    };
  }
  return within(
    `Testimony of the tenant; ${confirming} of ${config.consensusTenants} established tenants confirmed.`,
  );
}

/** @returns established tenants whose own evidence is enough for a block, this one included */
export function confirmingTenants({ evidence, tenantId, ownSum, trustOf, config }: ReachInput): number {
  const others = evidence.othersConfirmed.filter(
    (confirmation) =>
      trustOf(confirmation.tenantId) === 'established' && confirmation.micronats >= config.blockMicronats,
  );
  return others.length + (trustOf(tenantId) === 'established' && ownSum >= config.blockMicronats ? 1 : 0);
}

function tenantReason(evidence: Evidence): ReasonCode {
  return evidence.findings.length > 0 ? 'behavior' : 'tenant-evidence';
}
