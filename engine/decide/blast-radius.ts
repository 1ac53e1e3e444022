import type { DecisionStep } from '../../contracts/decision.ts';
import type { Action, Reach, Trust } from '../../contracts/domain.ts';
import type { TenantId } from '../../contracts/ids.ts';
import type { Evidence } from '../correlate/evidence.ts';
import type { DecisionConfig } from './config.ts';

export interface BlastRadiusInput {
  readonly reach: Reach;
  readonly action: Action;
  readonly tenantId: TenantId;
  readonly evidence: Evidence;
  readonly trustOf: (tenantId: TenantId) => Trust;
  /** New ecosystem blocks of the last minute. */
  readonly recentEcosystemBlocks: number;
  readonly config: DecisionConfig;
}

export interface BlastRadius {
  readonly reach: Reach;
  readonly action: Action;
  readonly steps: readonly DecisionStep[];
}

/** Bounds what a wrong verdict can do. Each rule only weakens: the reach, or the action to an audit. */
export function blastRadius(input: BlastRadiusInput): BlastRadius {
  const steps: DecisionStep[] = [];
  const note = (step: string, outcome: string, text: string) => steps.push({ step, outcome, text });
  let { reach, action } = input;

  if (reach === 'ecosystem' && input.recentEcosystemBlocks >= input.config.breakerBlocksPerMinute) {
    note(
      'breaker',
      'tripped',
      `${input.recentEcosystemBlocks} ecosystem blocks in the last minute: this one stays in its tenant until a person looks.`,
    );
    reach = 'tenant';
  }
  const { evidence, tenantId, trustOf } = input;
  const own = evidence.guards.find((guard) => guard.tenantId === tenantId);
  const foreign = evidence.guards.find(
    (guard) => guard.tenantId !== tenantId && trustOf(guard.tenantId) === 'established',
  );
  if (reach === 'ecosystem' && own === undefined && foreign !== undefined) {
    note(
      'guard',
      'tenant',
      'An established tenant knows it as protected: the block stays in the tenant that saw it misbehave.',
    );
    reach = 'tenant';
  }
  if (own !== undefined) {
    note('guard', 'audit', `Never blocked automatically: ${own.guard}.`);
    action = 'audit';
  }
  if (reach === 'ecosystem' && evidence.devices > input.config.allowanceDevices) {
    note(
      'allowance',
      'audit',
      `${evidence.devices} devices have it, more than ${input.config.allowanceDevices}: audit first.`,
    );
    action = 'audit';
  }
  if (steps.length === 0)
    note('blast-radius', 'within', `${evidence.devices} devices have it; no guard applies.`);
  return { reach, action, steps };
}
